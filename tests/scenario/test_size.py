"""Sizes are parsed and written."""

import pytest

from harness.scenario import parse_size, write_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (512, 512), ("512", 512), ("512B", 512), ("1k", 1024), ("16MB", 16 * 1024**2),
        ("16 MiB", 16 * 1024**2), ("1.5gb", 3 * 512 * 1024**2), ("0", 0),
    ],
)  # fmt: skip
def test_sizes_are_parsed(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "16 TB", "1,5MB", True, None, 1.5])
def test_an_invalid_size_is_an_error(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size; write one as 16MB, 512KB or 1GB"):
        parse_size(text)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 16 * 1024**2, 3 * 512 * 1024**2, 2 * 1024**3])
def test_a_written_size_is_parsed_back(size: int) -> None:
    assert parse_size(write_size(size)) == size
