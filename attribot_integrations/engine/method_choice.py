"""Which method a request is attributed with, and what an engine can be made of."""

from __future__ import annotations

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import METHODS, Method, ScreenAndRescore
from attribot_integrations.methods.presets import named_method
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.protocols import ScoringModel

__all__ = ["check_models", "chosen_method", "default_method", "expected_method"]


def check_models(target: object, proxy: object, options: EngineOptions) -> None:
    """Refuse models that an engine cannot be made of.

    Raises:
        ConfigurationError: If one is no `ScoringModel`, such as a name or a model without its
            tokenizer, or if the method needs a proxy and there is none.
    """
    for role, model, loader in (
        ("target", target, "AttributionEngine"),
        ("proxy", proxy, "LanguageModel"),
    ):
        if not isinstance(model, ScoringModel) and (model is not None or role == "target"):
            raise ConfigurationError(
                f"the {role} must be a LanguageModel, not {type(model).__name__}; "
                f"{loader}.from_pretrained and from_model make one"
            )
    chosen_method(options, has_proxy=proxy is not None)


def chosen_method(options: EngineOptions, *, has_proxy: bool) -> Method | None:
    """Return the method that was asked for; `None` if the choice is left to the engine.

    Raises:
        ConfigurationError: If the method needs a proxy and there is none.
    """
    method = options.method
    if isinstance(method, str):
        method = named_method(method)
    if method is not None and method.needs_proxy and not has_proxy:
        raise ConfigurationError(
            f"the method {method.name!r} runs a proxy model, and the engine has none: "
            "pass proxy=…, or choose another method"
        )
    return method


def expected_method(
    target: ScoringModel, proxy: ScoringModel | None, options: EngineOptions
) -> Method:
    """Return the method of requests that meet no obstacle of their own."""
    usual = default_method(
        can_knock_out=(proxy or target).can_knock_out, on_proxy=proxy is not None
    )
    return chosen_method(options, has_proxy=proxy is not None) or usual


def default_method(*, can_knock_out: bool, on_proxy: bool) -> Method:
    """Screen cheaply, on the proxy if there is one, and rescore what may matter exactly.

    Args:
        can_knock_out: Whether the model that screens takes masks.
        on_proxy: Whether that is a proxy.
    """
    if on_proxy:
        return ScreenAndRescore(METHODS["proxy-knockout" if can_knock_out else "proxy"])
    return METHODS["balanced" if can_knock_out else "exact"]
