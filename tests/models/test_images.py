"""Reading images: what is accepted, errors in one line, keys of content."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, TiffImagePlugin

from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models import image_key, images, read_image, read_images

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def encoded(pixels: Any = PIXELS, kind: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned() -> bytes:
    """Return an image whose EXIF asks viewers to turn it by 90 degrees."""
    exif = Image.Exif()
    exif[TiffImagePlugin.IMAGEWIDTH] = 7
    exif[0x0112] = 6
    return encoded(exif=exif)


def with_alpha(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack((PIXELS, np.full(PIXELS.shape[:2], alpha, dtype=np.uint8))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "image.png"
    file.write_bytes(encoded())
    return file


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(PIXELS, id="array"),
        pytest.param(np.asfortranarray(PIXELS), id="array of another order"),
        pytest.param(Image.fromarray(PIXELS), id="Pillow"),
        pytest.param(encoded(), id="bytes"),
        pytest.param(with_alpha(0), id="alpha is dropped, not blended"),
        pytest.param(encoded(with_alpha(9)), id="bytes with alpha"),
        pytest.param(turned(), id="an EXIF orientation is not applied"),
        pytest.param(encoded(save_all=True, append_images=[Image.new("RGB", (7, 5))]), id="the first of two frames"),
    ],
)
def test_every_kind_gives_the_same_pixels(image: Any) -> None:
    found = read_image(image)
    np.testing.assert_array_equal(found, PIXELS)
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)


@pytest.mark.parametrize("kind", [str, Path])
def test_paths(path: Path, kind: Any) -> None:
    np.testing.assert_array_equal(read_image(kind(path)), PIXELS)


@pytest.mark.parametrize("gray", [PIXELS[:, :, 0], Image.fromarray(PIXELS[:, :, 0])], ids=["array", "Pillow"])
def test_gray_is_three_equal_channels(gray: Any) -> None:
    np.testing.assert_array_equal(read_image(gray), np.dstack([PIXELS[:, :, 0]] * 3))


def test_a_palette_with_transparency_keeps_its_colors() -> None:
    """Pillow warns of such images, and a warning is an error here."""
    palette = Image.fromarray(PIXELS).convert("P")
    image = encoded(palette, transparency=bytes([0, 128, 255]))
    np.testing.assert_array_equal(read_image(image), np.asarray(palette.convert("RGB")))


def test_an_array_that_fits_is_not_copied() -> None:
    assert read_image(PIXELS) is PIXELS


REFUSED = [
    pytest.param(PIXELS.astype(np.float32), "image: an array of uint8, not float32", id="floats"),
    pytest.param(PIXELS.astype(bool), "image: an array of uint8, not bool", id="booleans"),
    pytest.param(
        PIXELS[None], "image: an array [H, W, 3] or [H, W] with pixels, not of shape [1, 5, 7, 3]", id="4 axes"
    ),
    pytest.param(PIXELS[0, 0], "image: an array [H, W, 3] or [H, W] with pixels, not of shape [3]", id="1 axis"),
    pytest.param(
        PIXELS.transpose(2, 0, 1),
        "image: an array [H, W, 3] or [H, W] with pixels, not of shape [3, 5, 7]",
        id="channels first",
    ),
    pytest.param(PIXELS[:0], "image: an array [H, W, 3] or [H, W] with pixels, not of shape [0, 7, 3]", id="no rows"),
    pytest.param(
        PIXELS[:, :0, 0], "image: an array [H, W, 3] or [H, W] with pixels, not of shape [5, 0, 3]", id="no columns"
    ),
    pytest.param([[1]], "image: an array, a Pillow image, a path, bytes or a dictionary, not list", id="a list"),
    pytest.param(b"", "image: no image of a known format", id="no bytes"),
    pytest.param(b"word", "image: no image of a known format", id="text"),
    pytest.param(encoded()[:60], "image: image file is truncated", id="cut off"),
    pytest.param("/there/is/none.png", "/there/is/none.png: No such file or directory", id="no file"),
    pytest.param("/", "/: Is a directory", id="a folder"),
    pytest.param("a\0b", "a\0b: embedded null byte", id="no path"),
]


@pytest.mark.parametrize(("image", "reason"), REFUSED)
def test_an_unreadable_image_is_an_error_of_one_line(image: Any, reason: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        read_image(image)
    assert str(raised.value).startswith(reason)
    assert "\n" not in str(raised.value)


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ArgumentError, match=r"image: Image size \(35 pixels\) exceeds limit of 20"):
        read_image(encoded())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(EOFError(), "image: EOFError", id="no words"),
        pytest.param(OSError("first line\nsecond"), "image: first line", id="several lines"),
    ],
)
def test_errors_of_pillow_become_one_line(error: Exception, said: str) -> None:
    class Broken(Image.Image):
        def convert(self, *arguments: Any, **options: Any) -> Image.Image:
            raise error

    with pytest.raises(ArgumentError) as raised:
        read_image(Broken())
    assert str(raised.value) == said


@given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "DDS"]), st.data())
def test_damaged_files_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    content = bytearray(encoded(kind=kind))
    offsets = st.integers(0, len(content) - 1)
    for offset, value in data.draw(st.lists(st.tuples(offsets, st.integers(0, 255)), max_size=6)):
        content[offset] = value
    try:
        pixels = read_image(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except (ArgumentError, Warning):
        return
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"^decoding images needs Pillow: pip install 'onethinker-rewards\[sam2\]'$"):
        read_image(b"...")


def test_arrays_need_neither_pillow_nor_torch() -> None:
    code = """
import sys
sys.modules["PIL"] = sys.modules["torch"] = None
import numpy as np
from onethinker_rewards.models import read_image
print(read_image(np.zeros((2, 3), dtype=np.uint8)).shape)
try:
    read_image(object())
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "(2, 3, 3)",
        "image: an array, a Pillow image, a path, bytes or a dictionary, not object",
    ]


def test_rows_that_share_an_image_share_its_array(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    monkeypatch.setattr(images, "read_image", lambda image: read.append(image) or read_image(image))
    pillow, other = Image.fromarray(PIXELS), PIXELS.copy()
    rows = [str(path), pillow, encoded(), path, pillow, encoded(), PIXELS, other, str(path)]
    found = read_images(rows)
    assert len(read) == 5
    groups = [[row for row, other in enumerate(found) if other is pixels] for pixels in found]
    assert groups == [[0, 3, 8], [1, 4], [2, 5], [0, 3, 8], [1, 4], [2, 5], [6], [7], [0, 3, 8]]
    assert all(np.array_equal(pixels, PIXELS) for pixels in found)


def test_dictionaries_as_data_sets_have_them(path: Path) -> None:
    rows = [
        {"bytes": encoded(), "path": None},
        {"bytes": encoded(), "path": "elsewhere.png"},
        {"bytes": None, "path": str(path)},
        {"image": str(path), "max_pixels": 64},
        {"image": Image.fromarray(PIXELS)},
        str(path),
    ]
    read = read_images(rows)
    assert all(np.array_equal(pixels, PIXELS) for pixels in read)
    assert [pixels is read[0] for pixels in read] == [True, True, False, False, False, False]
    assert [pixels is read[2] for pixels in read] == [False, False, True, True, False, True]


def test_dictionaries_without_an_image() -> None:
    with pytest.raises(BadImageError) as raised:
        read_images([{"path": None, "text": "a"}, {}, None, PIXELS])
    wanted = "image: a dictionary with bytes or image or path, not one with"
    assert raised.value.reasons == (f"{wanted} path, text", f"{wanted} nothing", "no image")


def test_all_bad_rows_are_named() -> None:
    with pytest.raises(BadImageError) as raised:
        read_images([PIXELS, None, b"word", PIXELS, None])
    assert raised.value.rows == (1, 2, 4)
    assert raised.value.reasons == ("no image", "image: no image of a known format", "no image")


def test_no_images() -> None:
    assert read_images([]) == []


def test_a_key_is_32_digits() -> None:
    assert image_key(PIXELS) == image_key(PIXELS.copy()) == image_key(np.asfortranarray(PIXELS))
    assert len(image_key(PIXELS)) == len(f"{int(image_key(PIXELS), 16):032x}") == 32


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=4)), st.data())
def test_a_key_tells_content_and_shape_apart(pixels: np.ndarray, data: st.DataObject) -> None:
    changed = pixels.copy()
    changed.flat[data.draw(st.integers(0, pixels.size - 1))] ^= 1
    shapes = {pixels.shape, pixels.shape[::-1], (1, 1, pixels.size), (pixels.size, 1, 1)}
    keys = {image_key(pixels.reshape(shape)) for shape in shapes}
    assert len({*keys, image_key(changed)}) == len(shapes) + 1


def test_a_key_is_of_bytes_alone() -> None:
    with pytest.raises(ArgumentError, match="pixels: uint8, not float64"):
        image_key(np.zeros((2, 2, 3)))
