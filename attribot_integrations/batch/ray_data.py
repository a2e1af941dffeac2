"""Attribution inside Ray Data: a callable class for `Dataset.map_batches`.

```python
import ray
from attribot_integrations.batch import RayAttributor

rows = ray.data.read_parquet("answers/")
done = rows.map_batches(
    RayAttributor,
    fn_constructor_kwargs={"model": "Qwen/Qwen2.5-7B-Instruct"},
    batch_format="pyarrow",
    batch_size=64,
    num_gpus=1,
    compute=ray.data.ActorPoolStrategy(size=8),
)
done.write_parquet("attributed/")
```

Ray starts an actor with a model of its own for each GPU, starts it again where it dies, and runs
its batches again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from attribot_integrations.batch.datafiles import parse_request
from attribot_integrations.batch.parquet import check_installed, plain_rows
from attribot_integrations.context.sources import clean_text
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.requests.context_runs import context_runs
from attribot_integrations.requests.options import AttributionRequest

if TYPE_CHECKING:
    import pyarrow
    from typing_extensions import Unpack

    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.scoring.loading import LoadingKeywords

__all__ = ["RayAttributor"]

_Request: TypeAlias = AttributionRequest | Exception
_Outcome: TypeAlias = tuple[str | None, str | None]


class RayAttributor:
    """Attributes batches of rows that have the columns question, chunks and answer.

    Rows may also have id and prompt, in the form that `attribot attribute` reads.

    Args:
        model: The target's name on the hub, or path.
        proxy: The proxy's, if one is wanted.
        options: What to do with each row.
        **loading: What `AttributionEngine.from_pretrained` takes, such as `dtype`. The devices of
            `device_map` are those that Ray gives the actor.

    Raises:
        ConfigurationError: If no model is named, or an option has a value that it cannot have.
        MissingExtraError: If pyarrow is not installed.
        ModelError: If a model cannot be used.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        proxy: str | Path | None = None,
        *,
        options: EngineOptions | None = None,
        **loading: Unpack[LoadingKeywords],
    ) -> None:
        check_installed()
        if model is None:
            raise ConfigurationError(
                "RayAttributor needs a model, by its name on the hub or its path: pass "
                'fn_constructor_kwargs={"model": …} to map_batches'
            )
        self._engine = AttributionEngine.from_pretrained(model, proxy, options=options, **loading)

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """Attribute one batch.

        Args:
            batch: Its rows, as Ray gives them with `batch_format="pyarrow"`.

        Returns:
            The same with two more columns: `result`, JSON for `Attribution.from_json`, and `error`,
            a text; one of them is null in each row.

        Raises:
            ConfigurationError: If the batch is no pyarrow table.
        """
        import pyarrow

        if not isinstance(batch, pyarrow.Table):
            raise ConfigurationError(
                f"batches must be pyarrow tables, not {type(batch).__name__}: "
                'pass batch_format="pyarrow" to map_batches'
            )
        requests = [_request(row) for row in plain_rows(batch)]
        outcomes = [
            outcome
            for run in context_runs(requests, _valid)
            for outcome in self._attribute_run(run)
        ]
        for place, name in enumerate(("result", "error")):
            values = pyarrow.array([outcome[place] for outcome in outcomes], pyarrow.string())
            batch = batch.append_column(name, values)
        return batch

    def _attribute_run(self, run: Sequence[_Request]) -> Iterator[_Outcome]:
        engine = self._engine.sharing_context() if len(run) > 1 else self._engine
        for request in run:
            try:
                if isinstance(request, Exception):
                    raise request
                yield engine.attribute_request(request).to_json(), None
            except Exception as error:  # whatever it is, a long run must not be lost for one row
                yield None, clean_text(f"{type(error).__name__}: {error}")


def _request(row: Mapping[str, Any]) -> _Request:
    try:
        return parse_request(row)
    except Exception as error:
        return error


def _valid(request: _Request) -> AttributionRequest | None:
    return None if isinstance(request, Exception) else request
