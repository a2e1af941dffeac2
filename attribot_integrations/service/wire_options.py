"""What a caller may choose of `EngineOptions`, as JSON; all else is the service's own."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.methods.certifying import CertifySets
from attribot_integrations.methods.presets import METHODS, named_method
from attribot_integrations.methods.redundancy import FindAlternatives
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results.policies import CiteDependence, CiteEvidence, CiteSupport
from attribot_integrations.service.wire_fields import (
    as_count,
    as_list,
    as_number,
    as_object,
    as_text,
    build_strictly,
)

__all__ = ["OPTIONS", "options_from_wire", "options_to_wire"]

T = TypeVar("T")

OPTIONS: Final = (
    "method",
    "levels",
    "sources",
    "policy",
    "alternatives",
    "certificates",
    "max_seconds",
    "max_tokens",
)
"""Names of the options that a caller may choose."""
_OWN: Final = ("verifier", "support", "splitter", "token_budget")
"""Those that are chosen where the service starts."""


def options_to_wire(options: EngineOptions) -> dict[str, Any]:
    """Return options as JSON holds them, but for the template, which is run by the caller.

    Raises:
        ConfigurationError: If an option cannot be sent.
    """
    for name in _OWN:
        given, usual = getattr(options, name), getattr(EngineOptions(), name)
        if given != usual:
            raise ConfigurationError(
                f"{name} is chosen where the service starts and cannot be sent, got {given!r:.60}"
            )
    sources = options.sources if isinstance(options.sources, str) else list(options.sources)
    return {
        "method": _method_name(options),
        "levels": list(options.levels),
        **({} if sources == "retrieved" else {"sources": sources}),
        "policy": _policy_to_wire(options),
        "alternatives": options.alternatives and asdict(options.alternatives),
        "certificates": options.certificates and asdict(options.certificates),
        "max_seconds": options.max_seconds,
        "max_tokens": options.max_tokens,
    }


def options_from_wire(value: Any, default: EngineOptions) -> EngineOptions:
    """Return the options of one request.

    Args:
        value: What JSON holds of them; `None` for the service's own.
        default: The service's. Its limits hold for every request, whatever is asked for.

    Raises:
        InputError: If an option is unknown or has a value that it cannot have.
    """
    if value is None:
        return default
    data = as_object(value, "options", (), OPTIONS)
    try:
        return replace(default, **_chosen(data, default))
    except ConfigurationError as error:
        raise InputError(f"options: {error}") from error


def _chosen(data: dict[str, Any], default: EngineOptions) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "method" in data:
        method = data["method"]
        made["method"] = None if method is None else as_text(method, "options.method")
        if method is not None:
            named_method(method)
    if "levels" in data:
        levels = as_list(data["levels"], "options.levels")
        made["levels"] = tuple(as_text(one, "options.levels") for one in levels)
    if "sources" in data:
        made["sources"] = _sources(data["sources"])
    if "policy" in data:
        made["policy"] = _policy_from_wire(data["policy"])
    if "alternatives" in data:
        made["alternatives"] = _switch(FindAlternatives, data["alternatives"], "alternatives")
    if "certificates" in data:
        made["certificates"] = _switch(CertifySets, data["certificates"], "certificates")
    if data.get("max_seconds") is not None:
        seconds = as_number(data["max_seconds"], "options.max_seconds")
        made["max_seconds"] = _least(seconds, default.max_seconds)
    if data.get("max_tokens") is not None:
        tokens = as_count(data["max_tokens"], "options.max_tokens")
        made["max_tokens"] = _least(tokens, default.max_tokens)
    return made


def _sources(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return tuple(as_text(one, "options.sources") for one in as_list(value, "options.sources"))


def _switch(cls: type[T], value: Any, name: str) -> T | None:
    """Return what is switched on by true or by an object of settings, and off by null or false."""
    if value is None or value is False:
        return None
    return cls() if value is True else build_strictly(cls, value, f"options.{name}")


def _least(asked: Any, limit: Any) -> Any:
    return asked if limit is None else min(asked, limit)


def _method_name(options: EngineOptions) -> str | None:
    method = options.method
    if method is None or isinstance(method, str):
        return method
    for name, known in METHODS.items():
        if known == method:
            return name
    raise ConfigurationError(
        f"method must be one of {list(METHODS)} to be sent to a service, got {method!r:.80}"
    )


def _policy_to_wire(options: EngineOptions) -> dict[str, Any]:
    policy = options.policy
    if isinstance(policy, CiteEvidence):
        return {"depends": asdict(policy.depends), "states": asdict(policy.states)}
    if isinstance(policy, CiteDependence):
        return {"depends": asdict(policy)}
    if isinstance(policy, CiteSupport):
        return {"states": asdict(policy)}
    raise ConfigurationError(
        "policy must be a CiteEvidence, CiteDependence or CiteSupport to be sent to a service, got "
        f"{policy!r:.60}"
    )


def _policy_from_wire(value: Any) -> CiteEvidence | CiteDependence | CiteSupport:
    data = as_object(value, "options.policy", (), ("depends", "states"))
    where = "options.policy"
    depends = states = None
    if "depends" in data:
        depends = build_strictly(CiteDependence, data["depends"], f"{where}.depends")
    if "states" in data:
        states = build_strictly(CiteSupport, data["states"], f"{where}.states")
    if depends is not None and states is not None:
        return CiteEvidence(depends, states)
    only = depends or states
    if only is None:
        raise InputError(f"{where} must have depends, states or both, got {{}}")
    return only
