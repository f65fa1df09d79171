"""What Prefect logs of a run that fails."""

import logging

from lfw.errors import LfwError


class _Quiet(logging.Filter):
    """Leave the traceback out of the log of an error that the user can mend, and tell it once."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], LfwError):
            record.exc_info = None
            record.exc_text = None
            return record.name != "prefect.flow_runs"  # its task's log has it, and its state
        return True


def quieten_users_mistakes() -> None:
    """Have Prefect log an error that the user can mend once, and as a sentence."""
    for name in ("prefect.task_runs", "prefect.flow_runs"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Quiet) for known in logger.filters):
            logger.addFilter(_Quiet())
