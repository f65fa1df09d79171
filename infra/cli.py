"""The command line: `lfw train`, `lfw audit` and so on, each a flow; `lfw doctor`, `lfw ui`."""

import contextlib
import importlib
import importlib.metadata
import json
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from infra.trouble import explain_trouble
from lfw.errors import InputError, LfwError, printable
from lfw.parameters import (
    AuditParameters,
    BiasParameters,
    Checked,
    CompareParameters,
    ForgetParameters,
    Parameters,
    PretrainParameters,
    PromoteParameters,
    RollBackParameters,
    ScoreParameters,
    TrainParameters,
    VerifyParameters,
)
from lfw.refusals import explain
from lfw.settings import data_folder, make_data_folder

DONE, FAILED, BAD_INPUT = 0, 1, 2

_FLAT = Parameter(name="*")
_Json = Annotated[
    bool, Parameter(help="Print one JSON object to standard output, and nothing else.")
]

app = App(
    name="lfw",
    help="Face identification on Labeled Faces in the Wild: checked, tracked, repeatable.",
    help_format="plaintext",
    version=lambda: importlib.metadata.version("lfw-flow"),
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(consume_multiple=True, negative=()),
)


@app.command
def train(
    *,
    wanted: Annotated[TrainParameters, _FLAT] = TrainParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Train a classifier on a selection of people, and compare it with baselines."""
    _run("flows.train_faces:train_faces", wanted, as_json=json)


@app.command
def pretrain(
    *,
    wanted: Annotated[PretrainParameters, _FLAT] = PretrainParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Train a face embedding on everybody except the people to be recognised."""
    _run("flows.pretrain_embedding:pretrain", wanted, as_json=json)


@app.command
def verify(
    *,
    wanted: Annotated[VerifyParameters, _FLAT] = VerifyParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Decide whether two images show the same person, by the data set's own protocol."""
    _run("flows.verify_faces:verify", wanted, as_json=json)


@app.command
def score(
    wanted: Annotated[ScoreParameters, _FLAT] = ScoreParameters(),  # noqa: B008 (frozen)
    *,
    json: _Json = False,
) -> None:
    """Identify who is in images (folders, zip archives or files): a table and a contact sheet.

    Each image is to show one face, upright and about as LFW frames it: in the centre, about half
    as wide as the image. Any size and mode will do; faces are not detected.
    """
    if not wanted.paths:
        raise InputError("Name what to score: lfw score FOLDER|ZIP|FILE …")
    _run("flows.score_faces:score_faces", wanted, as_json=json)


@app.command
def audit(
    *,
    wanted: Annotated[AuditParameters, _FLAT] = AuditParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Check every list and every image of the data set."""
    _run("flows.audit_dataset:audit_dataset", wanted, as_json=json)


@app.command
def bias(
    *,
    wanted: Annotated[BiasParameters, _FLAT] = BiasParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Report who is in the data set, and whom a selection leaves out."""
    _run("flows.report_bias:bias_report", wanted, as_json=json)


@app.command
def compare(
    *,
    wanted: Annotated[CompareParameters, _FLAT] = CompareParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Train and test models on the same splits, and report which differ significantly."""
    _run("flows.compare_models:compare_models", wanted, as_json=json)


@app.command
def promote(
    *,
    wanted: Annotated[PromoteParameters, _FLAT] = PromoteParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Make a version champion if it beats the current one significantly on the same task."""
    _run("flows.promote_model:promote", wanted, as_json=json)


@app.command
def rollback(
    *,
    wanted: Annotated[RollBackParameters, _FLAT] = RollBackParameters(),  # noqa: B008 (frozen)
    json: _Json = False,
) -> None:
    """Make the previous champion the champion again."""
    _run("flows.promote_model:roll_back", wanted, as_json=json)


@app.command
def forget(
    wanted: Annotated[ForgetParameters, _FLAT] = ForgetParameters(),  # noqa: B008 (frozen)
    *,
    json: _Json = False,
) -> None:
    """Remove people's images from every copy and cache, and mark the versions trained on them.

    Your own files (an archive or folder outside the data folder) are left unchanged; later runs
    skip these people when reading them.
    """
    if not wanted.people:
        raise InputError("Name who is to be forgotten: lfw forget A_Name Another …")
    _run("flows.forget_people:forget", wanted, as_json=json)


@app.command
def automate(
    *,
    watched: Annotated[
        tuple[Path, ...],
        Parameter(help="Images, folders or zip files to score again when the champion changes."),
    ] = (),
) -> None:
    """Set up Prefect automations: audit after a failed training run, score after a promotion."""
    from infra.prefect_server import client_environment, prefect_server

    folder = data_folder(os.environ)
    make_data_folder(folder)
    with prefect_server(folder) as api_url:
        os.environ.update(client_environment(folder, api_url))
        from infra.automations import automate

        for name in automate(watched):
            print(name)


@app.command
def doctor(
    *,
    repair: Annotated[
        bool, Parameter(help="First close and remove what killed runs left open or half-written.")
    ] = False,
    json: _Json = False,
) -> None:
    """Check that everything is in place, and say what to do if not."""
    from infra.doctor import report

    if repair:
        from infra.repair import repair as mend

        for line in mend(os.environ):
            print(line, file=sys.stderr)
    report(os.environ, as_json=json)


@app.command
def ui() -> None:
    """Serve the Prefect UI, the MLflow UI and the deployments until Ctrl-C."""
    from infra.ui import serve_everything

    serve_everything(data_folder(os.environ), [sys.executable, "-m", "flows.serve"])


def main() -> None:
    """Run the command line: exit with 0 if done, 2 on bad input, 1 on anything else."""
    try:
        app(exit_on_error=False, print_error=False)
    except CycloptsError as error:
        cause = error.__cause__
        said = explain(cause) if isinstance(cause, ValidationError) else str(error)
        _fail(f"{said} See lfw --help.", BAD_INPUT)
    except InputError as error:
        _fail(str(error), BAD_INPUT)
    except LfwError as error:
        _fail(str(error), FAILED)
    except BrokenPipeError:
        # Who read the output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
    except Exception as error:
        told = explain_trouble(error, data_folder(os.environ))
        if told is None:
            raise
        # The server may be gone that Prefect sends its last log lines to, in the background: what
        # it would say of that after the sentence is in the sentence.
        logging.raiseExceptions = False
        _fail(told, FAILED)
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again: finished stages are reused.", FAILED)


def _fail(message: str, code: int) -> None:
    print(f"lfw: {printable(message)}", file=sys.stderr)
    raise SystemExit(code)


def _run(flow: str, wanted: Checked, *, as_json: bool) -> None:
    """Run a flow on a Prefect server, and print its result."""
    from infra.mlflow_store import check_tracking_server
    from lfw.outside import check_models
    from lfw.peek import check_people
    from lfw.sources import choose_source, describe_choice

    folder = data_folder(os.environ)
    make_data_folder(folder)
    check_tracking_server(folder)
    source = None
    if isinstance(wanted, Parameters):
        source = choose_source(wanted.source, folder, os.environ)
        print(describe_choice(source), file=sys.stderr, flush=True)
        check_people(wanted, source, folder)
        check_models(wanted)
    # Standard output is for the result alone, whatever a library prints.
    with contextlib.redirect_stdout(sys.stderr):
        result = _on_a_server(flow, wanted)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        from infra.tables import print_result

        print_result(result)
    if source is None:
        return
    synthetic = result["source"]["kind_of_data"] == "synthetic"
    said = describe_choice(source, synthetic=synthetic)
    print(said, file=sys.stderr if as_json else sys.stdout)


def _on_a_server(flow: str, wanted: Checked) -> dict[str, Any]:
    from infra.ahead import (
        asked_before,
        import_ahead,
        libraries_of,
        remember,
        send_what_is_left,
        tell_prefect,
    )
    from infra.prefect_server import client_settings, prefect_server, server_at_hand

    folder = data_folder(os.environ)
    os.environ.update(client_settings(folder))
    module, _, name = flow.partition(":")
    more: tuple[str, ...] = ()
    starts = not server_at_hand(folder)
    if starts:  # meanwhile there is time
        more = libraries_of(wanted, asked_before(folder, flow, wanted))
    ahead = import_ahead(module, more, digested=starts)
    with prefect_server(folder) as api_url:
        ahead.join()
        tell_prefect(api_url)
        function = getattr(importlib.import_module(module), name)
        try:
            result: dict[str, Any] = function(**wanted.model_dump())
        finally:
            send_what_is_left(api_url)
        remember(folder, flow, wanted)
        return result


if __name__ == "__main__":
    main()
