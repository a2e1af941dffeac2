"""Batch jobs: large files of logged answers, attributed so that a kill at any moment costs nothing.

`inputs` streams rows from JSON Lines or Parquet, `plan` cuts them into parts and deals the parts to
processes, `folder` keeps each part's results safe on disk, `job` fills the parts, and `merging`
joins them in the order of the input. `processes` is what accelerate says about the processes at
work; `ray_data` runs the same attribution inside Ray Data.
"""
