"""Measures attribution methods: fidelity to exact leave-one-out, gold evidence, cost.

`examples` reads what is evaluated, `contenders` names what competes, `measuring` runs all of it on
one example, `method_runs` on all examples, `summary` turns the rows into figures with confidence
intervals, `method_report` and `fidelity_plots` show them. `metrics` and `bootstrap` need numpy
alone.

Filtering before generation has its own: `filter_contenders`, `filter_runs` and `filter_report`.
`calibration` and `relevance_calibration` fit probabilities to labelled data.
"""
