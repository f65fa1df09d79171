"""What kept vectors rest on: their file is named after it, so that none outlives a change."""

from lfw.digest import code_digests, file_digest, value_digest

_SHOWN = 16
_ASKING = ("lfw.layers", "lfw.networks.asking")


def name_of_embedding(network_sha256: str) -> str:
    """Name the vectors of an embedding: its file, and the code that takes images through it.

    Parameters
    ----------
    network_sha256
        Digest of the embedding's file.
    """
    code = value_digest(code_digests(_ASKING))
    return f"{network_sha256[:_SHOWN]}-{code[:_SHOWN]}"


def name_of_features(model: str) -> str:
    """Name what a model measures of images: its code, and the weights that it takes.

    Parameters
    ----------
    model
        One of :data:`lfw.features.FEATURES`.

    Raises
    ------
    FetchError
        If the weights of ``imagenet`` are neither here nor to be had.
    """
    rests_on: object = None
    if model == "dlib":
        from lfw.dlib_faces import versions

        rests_on = versions()
    elif model == "imagenet":
        from lfw.imagenet import weights_file

        rests_on = file_digest(weights_file())
    module = {"dlib": "lfw.dlib_faces"}.get(model, f"lfw.{model}")
    code = code_digests([module, "lfw.images"])
    return f"{model}-{value_digest([rests_on, code])[:_SHOWN]}"
