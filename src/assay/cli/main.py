"""The `assay` command: registers the nouns and turns every failure into a message and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from assay.cli import access as access_command
from assay.cli import ask, bundle, calibrate, config, demo, evaluate, gate, golden, index, ingest, key, release, search
from assay.cli import audit as audit_command
from assay.cli import broker as broker_command
from assay.cli import canary as canary_command
from assay.cli import certificate as certificate_command
from assay.cli import compare as compare_command
from assay.cli import corpus as corpus_command
from assay.cli import drill as drill_command
from assay.cli import extract as extract_command
from assay.cli import fairness as fairness_command
from assay.cli import forget as forget_command
from assay.cli import init as init_command
from assay.cli import judge as judge_command
from assay.cli import label as label_command
from assay.cli import policy as policy_command
from assay.cli import power as power_command
from assay.cli import privacy as privacy_command
from assay.cli import quarantine as quarantine_command
from assay.cli import ranker as ranker_command
from assay.cli import redteam as redteam_command
from assay.cli import report as report_command
from assay.cli import retrieval as retrieval_command
from assay.cli import run_export as run_export_command
from assay.cli import run_import as run_import_command
from assay.cli import sabotage as sabotage_command
from assay.cli import safety as safety_command
from assay.cli import scan as scan_command
from assay.cli import serve as serve_command
from assay.cli import signal as signal_command
from assay.cli import trace as trace_command
from assay.cli.common import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE, complain
from assay.cli.trimming import trimmed
from assay.records.errors import AssayError

app = typer.Typer(
    name="assay",
    help="Documents and a golden set to a grounded, guarded language service; a change ships only on evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes would cost half of the start-up budget (.16 of .3 CPU-s)
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or ship, 1 do not ship, 2 need more data, 3 cannot judge, 64 usage, 70 internal.",
)


@app.callback()
def root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")] = False,
) -> None:
    context.obj = {"debug": debug}


for _module in (
    init_command,
    config,
    ingest,
    index,
    search,
    ask,
    golden,
    calibrate,
    evaluate,
    run_import_command,
    run_export_command,
    compare_command,
    judge_command,
    power_command,
    report_command,
    bundle,
    gate,
    release,
    serve_command,
    key,
    trace_command,
    ranker_command,
    certificate_command,
    forget_command,
    access_command,
    drill_command,
    audit_command,
    retrieval_command,
    label_command,
    scan_command,
    policy_command,
    broker_command,
    extract_command,
    privacy_command,
    signal_command,
    redteam_command,
    quarantine_command,
    corpus_command,
    sabotage_command,
    canary_command,
    fairness_command,
    safety_command,
    demo,
):
    _module.register(app)


def main() -> None:
    """The console script: exit codes as documented, errors on stderr, never a traceback unless `--debug` asks."""
    debug = "--debug" in sys.argv
    try:
        code = trimmed(app, sys.argv[1:])(standalone_mode=False)
        if code == EXIT_INTERRUPTED:  # what Typer makes of Ctrl-C
            raise KeyboardInterrupt
    except AssayError as error:
        complain(str(error))
        code = error.exit_code
    except typer.exceptions.TyperException as error:
        complain(_usage_message(error))
        code = EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; what was done is kept, run the same command again to go on")
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception as error:
        if debug:
            raise
        complain(f"internal error [internal.{type(error).__name__}]\n  → run again with --debug and report it")
        code = EXIT_INTERNAL
    sys.exit(code if isinstance(code, int) else 0)


_TOO_MANY = "Got unexpected extra argument"


def _usage_message(error: typer.exceptions.TyperException) -> str:
    formatted = getattr(error, "format_message", None)
    message = formatted() if callable(formatted) else str(error)
    if message.startswith(_TOO_MANY):  # the rest repeats them, and they may be the words of a question
        return f"{_TOO_MANY}s [usage]\n  → put text with spaces in quotes"
    return f"{message} [usage]\n  → assay --help, or assay COMMAND --help"


if __name__ == "__main__":
    main()
