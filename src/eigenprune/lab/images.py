"""Images from one folder per class, as one tensor."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

GREY = ("1", "L")
DEEP = ("I", "F")  # modes of more than eight bits begin so


def read_images(folder: Path, files: Sequence[Path], name: str) -> "tuple[Tensor, list[str], str]":
    """The pixels of all images, and the class of each: the name of its folder below `folder`.

    Args:
        folder: holds one folder per class.
        files: the images.
        name: of the folder, for messages.

    Returns:
        uint8 (images, height * width * channels), row by row, one channel if all images are grey,
        else red, green, blue; the class name of each image; and the form of the images in words.

    Raises:
        UserError: if a file is not an image, is not directly in a class folder, or differs in size.
    """
    import numpy as np
    import torch
    from PIL import Image
    from PIL.Image import DecompressionBombError

    images: list[Image.Image] = []
    classes = []
    for file in files:
        place = file.relative_to(folder).parts
        shown = "/".join((name, *place))
        if len(place) == 1:
            raise UserError(f"{shown}: is not in the folder of a class; {name} holds one for each")
        if len(place) > 2:  # else two folders `train` and `test` would be taken for classes
            raise UserError(
                f"{shown}: is too deep, wanted is {name}/CLASS/{file.name}; if the folders of the "
                "classes are further down, name the folder that holds them"
            )
        try:
            with Image.open(file) as opened:
                # A copy, because that of some formats keeps its file open, and they are many.
                image = opened.copy()
        except (OSError, ValueError, SyntaxError, NotImplementedError, DecompressionBombError):
            raise UserError(f"{shown}: is not an image that can be read") from None
        if image.mode.startswith(DEEP):
            raise UserError(f"{shown}: has more than eight bits per channel; save it with eight")
        if images and image.size != images[0].size:
            raise UserError(
                f"{shown}: has {image.width} x {image.height} pixels, and the first image "
                f"{images[0].width} x {images[0].height}; all must have one size"
            )
        images.append(image)
        classes.append(place[0])
    if not images:
        raise UserError(f"{name}: holds no images, in one folder for each class")
    mode = "L" if all(image.mode in GREY for image in images) else "RGB"
    pixels = np.stack([np.asarray(image.convert(mode)).reshape(-1) for image in images])
    form = f"{images[0].width} x {images[0].height} pixels ({mode})"
    return torch.from_numpy(pixels), classes, form
