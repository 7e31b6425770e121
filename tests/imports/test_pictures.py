"""Pictures: whatever their sort, the same scene becomes the same numbers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ae_core.imports.bounds import Bounds
from ae_core.imports.pictures import _opened, decode
from ae_core.imports.plan import ArrayPlan, ImagePlan, PixelsPlan, Source
from tests.imports.files import Desk, csv, digits, image, npy, npz, zipped


def scene(side: int = 12) -> np.ndarray:
    """Something grey to recognise, (side, side) of bytes."""
    y, x = np.mgrid[:side, :side]
    return (255 * (0.5 + 0.5 * np.sin(x / 2) * np.cos(y / 3))).astype(np.uint8)


def decoded(tmp_path: Path, name: str, content: bytes, **plan: object) -> np.ndarray:
    """The picture as the dataset has it."""
    from ae_core.imports.blobs import uploaded

    (tmp_path / "one").write_bytes(content)
    [blob] = uploaded([Source(name=name, path=str(tmp_path / "one"))], Bounds())
    return decode(blob, ImagePlan.model_validate({"height": 12, "width": 12} | plan), Bounds())


def test_folders_are_classes(tmp_path: Path) -> None:
    """Pictures of a ZIP keep their own size where all have one, and their folder is their class."""
    pixels = {
        f"pets/{kind}/{n}.png": np.roll(scene(), n + 30 * (kind == "dog"), 1)
        for kind in ("cat", "dog")
        for n in range(12)
    }
    desk = Desk(tmp_path).bring("pets.zip", zipped({name: image(array) for name, array in pixels.items()}))
    found = desk.understand()
    card, items = desk.make(found.plan)

    assert [(size.name, size.count) for size in found.facts.sizes] == [("12 x 12", 24)]
    assert {(kind.name, kind.count) for kind in found.facts.classes} == {("cat", 12), ("dog", 12)}
    assert (card.form, card.shape, card.count, card.value_range) == ("image", (12, 12, 1), 24, (0.0, 1.0))
    assert card.label_names == ("cat", "dog")
    assert items.labels is not None
    assert items.labels.tolist() == [0] * 12 + [1] * 12
    assert np.allclose(items.x[0, ..., 0] * 255, pixels["pets/cat/0.png"])


def test_a_folder_for_each_picture_tells_no_class(tmp_path: Path) -> None:
    """Such folders only say which picture it is."""
    members = {f"{number}/picture.png": image(np.roll(scene(), number)) for number in range(33)}
    found = (desk := Desk(tmp_path).bring("a.zip", zipped(members))).understand()

    assert isinstance(found.plan, ImagePlan)
    assert (found.plan.labels, found.facts.classes) == (False, ())
    assert desk.make(found.plan)[0].count == 33


def test_notes_in_a_picture_are_never_read(tmp_path: Path) -> None:
    """Texts and profiles of a PNG can be bombs; its palette and what is clear of it are kept."""
    from ae_core.imports.blobs import uploaded

    notes = PngInfo()
    notes.add_text("a", "b" * 900_000, zip=True)
    notes.add_itxt("c", "d" * 900_000, zip=True)
    drawing = Image.fromarray(scene()).convert("P")
    whole = image(drawing, pnginfo=notes, icc_profile=b"e" * 900_000, transparency=0)
    (tmp_path / "noted").write_bytes(whole)
    [blob] = uploaded([Source(name="a.png", path=str(tmp_path / "noted"))], Bounds())
    with _opened(blob, Bounds()) as picture:
        picture.load()

    assert picture.info == {"transparency": 0}
    assert picture.getpalette() == drawing.getpalette()


def test_several_files_are_a_dataset(tmp_path: Path) -> None:
    """Pictures that are chosen one by one have no class; mixed sizes become one."""
    desk = Desk(tmp_path)
    for number in range(20):
        desk.bring(f"{number}.png", image(scene(10 + number)))
    found = desk.understand()
    card, _ = desk.make(found.plan)

    assert isinstance(found.plan, ImagePlan)
    assert (found.plan.height, found.plan.width, found.plan.labels) == (32, 32, False)
    assert (card.shape, card.label_names) == ((32, 32, 1), ())


@pytest.mark.parametrize(
    ("sort", "name", "content"),
    [
        ("grey", "a.png", lambda s: image(s)),
        ("colour", "a.png", lambda s: image(np.stack([s] * 3, -1))),
        ("opaque", "a.png", lambda s: image(np.dstack([s, s, s, np.full_like(s, 255)]))),
        (
            "grey and alpha",
            "a.png",
            lambda s: image(Image.merge("LA", [Image.fromarray(s), Image.new("L", (12, 12), 255)])),
        ),
        ("palette", "a.png", lambda s: image(Image.fromarray(s).convert("P"))),
        ("16 bits", "a.png", lambda s: image(s.astype(np.uint16) * 257)),
        ("jpeg", "a.jpg", lambda s: image(s, "JPEG", quality=100)),
        ("cmyk", "a.jpg", lambda s: image(Image.fromarray(np.stack([s] * 3, -1)).convert("CMYK"), "JPEG", quality=100)),
    ],
)
@pytest.mark.parametrize("colour", ["grey", "colour"])
def test_every_sort_of_picture_shows_the_same_scene(tmp_path: Path, sort: str, name: str, content, colour: str) -> None:
    """Grey, colour, palette, transparency, 16 bits, JPEG and CMYK differ by rounding only."""
    found = decoded(tmp_path, name, content(scene()), colour=colour)

    assert found.shape == (12, 12, 3 if colour == "colour" else 1)
    assert np.abs(found - scene()[..., None] / 255).max() < (0.02 if name == "a.jpg" else 0.003)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    """A drawing of two shades has 0 and 1."""
    ink = scene() > 128
    assert np.array_equal(decoded(tmp_path, "a.png", image(Image.fromarray(ink)))[..., 0], ink)


@pytest.mark.parametrize(("background", "shade"), [("white", 1.0), ("black", 0.0)])
def test_behind_transparency_is_the_background(tmp_path: Path, background: str, shade: float) -> None:
    """Where nothing is drawn the background shows, whatever colour the file hides there."""
    clear = image(np.full((12, 12, 4), (90, 90, 90, 0), dtype=np.uint8))
    assert np.all(decoded(tmp_path, "a.png", clear, background=background) == shade)


def test_pictures_stand_as_the_camera_was_held(tmp_path: Path) -> None:
    """A JPEG that says that it lies on its side is turned, and its size is told as it is shown."""
    tall = scene(64)[:, :32]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    lying = image(Image.fromarray(np.rot90(tall)), "JPEG", quality=100, exif=exif)
    found = decoded(tmp_path, "a.jpg", lying, height=64, width=32)
    desk = Desk(tmp_path).bring("a.zip", zipped({f"{number}.jpg": lying for number in range(20)}))

    assert np.abs(found[..., 0] - tall / 255).max() < 0.03
    several = image(
        Image.fromarray(np.rot90(tall)),
        "MPO",
        quality=100,
        exif=exif,
        save_all=True,
        append_images=[Image.fromarray(tall)],
    )  # some telephones put further pictures behind the first
    assert np.array_equal(decoded(tmp_path, "b.jpg", several, height=64, width=32), found)
    assert desk.understand().facts.sizes[0].name == "32 x 64"


@pytest.mark.parametrize(("kind", "count", "told"), [(3, 1, 0), (3, 1, 9), (2, 4, 0x41414141), (4, 1, 2**31)])
def test_a_strange_note_of_how_a_camera_was_held_means_nothing(
    tmp_path: Path, kind: int, count: int, told: int
) -> None:
    """Another number, or a word: the picture is taken as it lies."""
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, kind, count, told, 0)
    odd = image(Image.fromarray(scene(64)[:, :32]), "JPEG", exif=exif)
    desk = Desk(tmp_path).bring("a.zip", zipped({f"{number}.jpg": odd for number in range(20)}))

    assert desk.understand().facts.sizes[0].name == "32 x 64"
    assert desk.first_try()[0].count == 20


@pytest.mark.parametrize(("fit", "left", "middle"), [("crop", 0.5, 0.5), ("pad", 0.0, 0.5), ("stretch", 0.5, 0.5)])
def test_a_picture_of_another_shape_is_fitted(tmp_path: Path, fit: str, left: float, middle: float) -> None:
    """A tall picture is cut, gets edges, or is pressed into a square."""
    tall = image(np.full((24, 12), 128, dtype=np.uint8))
    found = decoded(tmp_path, "a.png", tall, fit=fit, background="black")[..., 0]

    assert found[6, 0] == pytest.approx(left, abs=0.01)
    assert found[6, 6] == pytest.approx(middle, abs=0.01)


def test_large_transparent_pictures_are_what_small_ones_are(tmp_path: Path) -> None:
    """They are made smaller before the background is laid behind them."""
    small = np.dstack([scene(12)] * 3 + [np.arange(144).reshape(12, 12)]).astype(np.uint8)
    large = image(np.kron(small, np.ones((100, 100, 1), dtype=np.uint8)))
    plan = {"height": 12, "width": 12, "colour": "colour"}
    found = decoded(tmp_path, "large.png", large, **plan)

    assert np.abs(found - decoded(tmp_path, "small.png", image(small), **plan)).max() < 0.15
    assert np.abs(found - decoded(tmp_path, "small.png", image(small), **plan)).mean() < 0.03


def test_smaller_pictures_are_averages(tmp_path: Path) -> None:
    """A fine chessboard becomes grey, without patterns that were not there."""
    board = (np.indices((96, 96)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(decoded(tmp_path, "a.png", image(board)) - 0.5).max() < 0.02


def test_colours_are_kept_where_there_are_some(tmp_path: Path) -> None:
    """Colour is proposed where pictures have it, grey where all channels are equal."""
    random = np.random.default_rng(0)
    bright = {f"{n}.png": image(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for n in range(20)}
    grey = {f"{n}.png": image(np.stack([scene(8)] * 3, -1)) for n in range(20)}

    for members, colour in ((bright, "colour"), (grey, "grey")):
        plan = Desk(tmp_path).bring("a.zip", zipped(members)).understand().plan
        assert isinstance(plan, ImagePlan)
        assert plan.colour == colour


def test_digits_in_the_rows_of_a_table(tmp_path: Path) -> None:
    """A CSV with columns pixel0 to pixel63 is pictures of 8 x 8, with the column label as their class."""
    pictures, answers = digits()
    head = ["label", *(f"pixel{number}" for number in range(64))]
    rows = [[answer, *picture.ravel().astype(int)] for picture, answer in zip(pictures, answers, strict=True)]
    desk = Desk(tmp_path).bring("digits.csv", csv([head, *rows]))
    found = desk.understand()
    card, items = desk.make(found.plan)

    assert isinstance(found.plan, PixelsPlan)
    assert (card.form, card.shape, card.count) == ("image", (8, 8, 1), 1797)
    assert card.label_names == tuple("0123456789")
    assert np.allclose(items.x[..., 0], pictures / 16)
    assert items.labels is not None
    assert np.array_equal(items.labels, answers)
    assert {plan.form for plan in found.alternatives} == {"table", "series"}


def test_digits_without_names_of_columns(tmp_path: Path) -> None:
    """As UCI has them: 64 numbers and the digit in the last column, no header."""
    pictures, answers = digits()
    rows = [[*picture.ravel().astype(int), answer] for picture, answer in zip(pictures, answers, strict=True)]
    card, items = Desk(tmp_path).bring("optdigits.tra.csv", csv(rows)).first_try()

    assert (card.form, card.shape, card.label_name) == ("image", (8, 8, 1), "column 65")
    assert items.labels is not None
    assert np.array_equal(items.labels, answers)


@pytest.mark.parametrize(
    ("shape", "first", "stored"),
    [
        ((8, 8), False, (8, 8, 1)),
        ((8, 8, 3), False, (8, 8, 3)),
        ((3, 8, 8), True, (8, 8, 3)),
        ((1, 8, 8), True, (8, 8, 1)),
    ],
)
def test_arrays_of_bytes_are_pictures(
    tmp_path: Path, shape: tuple[int, ...], first: bool, stored: tuple[int, ...]
) -> None:
    """Grey and colour, channels last and first; 0 is black and 255 is white."""
    array = np.random.default_rng(0).integers(0, 256, (30, *shape), dtype=np.uint8)
    desk = Desk(tmp_path).bring("a.npy", npy(array))
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, ArrayPlan)
    assert (plan.view, plan.channels_first, plan.high) == ("image", first, 255.0)
    assert card.shape == stored
    expected = np.moveaxis(array, 1, -1) if first else array
    assert np.allclose(items.x.reshape(-1), expected.reshape(-1) / 255)


def test_mnist_as_keras_ships_it(tmp_path: Path) -> None:
    """Of four arrays the larger part of the data and its own labels are taken."""
    pictures, answers = digits()
    pictures = pictures.astype(np.uint8)
    content = npz(x_train=pictures[:1500], y_train=answers[:1500], x_test=pictures[1500:], y_test=answers[1500:])
    desk = Desk(tmp_path).bring("mnist.npz", content)
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, ArrayPlan)
    assert (plan.array, plan.labels, plan.view) == ("x_train", "y_train", "image")
    assert card.count == 1500
    assert np.allclose(items.x[..., 0], pictures[:1500] / 16)
    assert items.labels is not None
    assert np.array_equal(items.labels, answers[:1500])
