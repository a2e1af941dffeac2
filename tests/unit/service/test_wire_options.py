"""Options that a caller may choose are the same behind the wire; the others are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attribot_integrations import (
    CiteDependence,
    CiteEvidence,
    CiteSupport,
    EngineOptions,
    FindAlternatives,
    LabelSupport,
)
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.methods import METHODS, CertifySets, Knockout
from attribot_integrations.service.wire_options import options_from_wire, options_to_wire


@pytest.mark.parametrize(
    "options",
    [
        EngineOptions(),
        EngineOptions(method="exact", levels=("chunk", "sentence"), max_seconds=2, max_tokens=9),
        EngineOptions(policy=CiteDependence(0.5, 2, 0.1, 3.0), alternatives=None),
        EngineOptions(policy=CiteSupport(0.2), certificates=CertifySets(hold=0.95)),
        EngineOptions(policy=CiteEvidence(states=CiteSupport(max_citations=1))),
        EngineOptions(alternatives=FindAlternatives(max_sources=2)),
        EngineOptions(sources="all"),
        EngineOptions(sources=("retrieved", "user", "tool")),
    ],
)
def test_options_come_back(options: EngineOptions) -> None:
    assert options_from_wire(json.loads(json.dumps(options_to_wire(options))), EngineOptions()) == (
        options
    )


def test_a_method_is_sent_by_its_name() -> None:
    assert options_to_wire(EngineOptions(method=METHODS["fast"]))["method"] == "fast"


def test_what_is_not_chosen_is_the_services() -> None:
    default = EngineOptions(method="exact", levels=("chunk",))
    assert options_from_wire(None, default) is default
    assert options_from_wire({"levels": ["sentence"]}, default) == EngineOptions(method="exact")
    assert options_from_wire({"method": None}, default) == EngineOptions(levels=("chunk",))


def test_the_services_limits_hold_for_all() -> None:
    default = EngineOptions(max_seconds=5, max_tokens=100)
    assert options_from_wire({"max_seconds": 9, "max_tokens": 900}, default) == default
    assert options_from_wire({"max_seconds": None, "max_tokens": None}, default) == default
    less = options_from_wire({"max_seconds": 2.5, "max_tokens": 50}, default)
    assert (less.max_seconds, less.max_tokens) == (2.5, 50)


def test_switches() -> None:
    off = options_from_wire({"alternatives": False, "certificates": True}, EngineOptions())
    assert off == EngineOptions(alternatives=None, certificates=CertifySets())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"options must be an object, got \[\]"),
        ({"verifier": "x"}, r"'options\.verifier' is no field that is read"),
        ({"method": "best"}, r"options: method must be one of .*, got 'best'"),
        ({"method": 3}, r"options\.method must be text, got 3"),
        ({"levels": ["word"]}, "options: levels must hold"),
        ({"levels": "chunk"}, r"options\.levels must be a list"),
        ({"sources": "users"}, 'options: sources must be "retrieved", "all"'),
        ({"sources": [3]}, r"options\.sources must be text, got 3"),
        ({"max_tokens": 0}, "options: max_tokens must be at least 1, got 0"),
        ({"max_seconds": -1}, "options: max_seconds must be"),
        ({"policy": {}}, r"options\.policy must have depends, states or both"),
        ({"policy": {"depends": {"min_score": 0}}}, "options: min_score must be above 0"),
        ({"policy": {"depends": {"least": 1}}}, r"'options\.policy\.depends\.least' is no field"),
        ({"certificates": {"hold": 2}}, "options: hold must be a share"),
    ],
)
def test_what_cannot_be_chosen_is_named(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        options_from_wire(value, EngineOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions(verifier=None), "verifier is chosen where the service starts"),
        (EngineOptions(support=LabelSupport(min_gain=2)), "support is chosen where"),
        (EngineOptions(splitter=lambda text: [(0, len(text))]), "splitter is chosen where"),
        (EngineOptions(token_budget=64), "token_budget is chosen where .* got 64"),
        (EngineOptions(method=Knockout(rerun=3)), "method must be one of"),
        (EngineOptions(policy=lambda *given: []), "policy must be a CiteEvidence"),
    ],
)
def test_what_cannot_be_sent_is_refused(options: EngineOptions, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        options_to_wire(options)
