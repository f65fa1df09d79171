"""A look at whether models of outside data can be had, before anything is fetched or trained."""

from lfw.dlib_faces import check_installed
from lfw.imagenet import weights_file
from lfw.parameters import Checked, CompareParameters, TrainParameters


def check_models(wanted: Checked) -> None:
    """See that what a run's models need beside the project is here, or can be brought.

    Parameters
    ----------
    wanted
        What the run is asked to do.

    Raises
    ------
    InputError
        If an extra is not installed; it says how to get it.
    FetchError
        If a network's weights cannot be downloaded.
    """
    models = _models_here(wanted)
    if "dlib" in models:
        check_installed()
    if "imagenet" in models:
        weights_file()


def _models_here(wanted: Checked) -> tuple[str, ...]:
    if isinstance(wanted, TrainParameters):
        return (wanted.model,)
    if isinstance(wanted, CompareParameters) and wanted.runner != "dask":
        return wanted.models
    return ()  # a cluster's workers have extras and weights of their own
