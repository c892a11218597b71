"""The frame counter burnt into every picture: digits for people, a row of squares for programs.

The row holds 25 squares: white, black, sixteen bits of the number (the highest first), four bits of a check sum, black,
white, black. Squares are 8 px wide in a picture of 640 and scale with it; H.264 blocks of 8 px keep them crisp.
"""

import cv2

from infra.demo.camera import Image

BAR_HEIGHT_PX = 20
"""The upper edge of the picture that belongs to the counter; nobody is ever drawn there."""
_REFERENCE_WIDTH_PX = 640
_SQUARE_PX, _LEFT_PX, _TOP_PX = 8, 8, 8
_HEAD, _TAIL = (1, 0), (0, 1, 0)
_NUMBER_BITS, _CHECK_BITS = 16, 4
LARGEST = 2**_NUMBER_BITS - 1


class CounterUnreadable(ValueError):
    """The picture carries no frame counter that can be trusted: not a demo picture, or damaged."""


def burn_counter(image: Image, number: int, text: str) -> None:
    """Write number (0 to 65535) and text into the upper edge of image (rows, columns, 3), in place."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"frame number {number} does not fit the counter: 0 to {LARGEST}")
    image[:BAR_HEIGHT_PX] = (34, 32, 30)
    for place, bit in enumerate(_bits(number)):
        left = _LEFT_PX + place * _SQUARE_PX
        image[_TOP_PX : _TOP_PX + _SQUARE_PX, left : left + _SQUARE_PX] = 255 if bit else 0
    place_px = (_LEFT_PX + len(_bits(0)) * _SQUARE_PX + 12, BAR_HEIGHT_PX - 5)
    cv2.putText(
        image, f"{number:05d}  {text}", place_px, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (235, 235, 235), 1, cv2.LINE_AA
    )


def read_counter(image: Image) -> int:
    """The number burnt into image: (rows, columns, 3) or (rows, columns), any size with the same proportions.

    Raises CounterUnreadable when the squares are blurred beyond certainty, covered, or not there.
    """
    grey = image if image.ndim == 2 else image.mean(axis=2)
    scale = grey.shape[1] / _REFERENCE_WIDTH_PX
    values = []
    for place in range(len(_bits(0))):
        left, top = (_LEFT_PX + place * _SQUARE_PX) * scale, _TOP_PX * scale
        inner = _SQUARE_PX * scale / 4
        rows = slice(round(top + inner), max(round(top + 3 * inner), round(top + inner) + 1))
        columns = slice(round(left + inner), max(round(left + 3 * inner), round(left + inner) + 1))
        square = grey[rows, columns]
        values.append(float(square.mean()) if square.size else 0.0)
    white, black = min(values[0], values[-2]), max(values[1], values[-1])
    if white - black < 80:
        raise CounterUnreadable("no frame counter at the upper edge of the picture: is this a demo recording?")
    shares = [(value - black) / (white - black) for value in values]
    if any(0.3 < share < 0.7 for share in shares):
        raise CounterUnreadable("the frame counter is there but blurred or covered")
    bits = tuple(int(share > 0.5) for share in shares)
    number = int("".join(map(str, bits[len(_HEAD) : len(_HEAD) + _NUMBER_BITS])), 2)
    if bits != _bits(number):
        raise CounterUnreadable(f"the frame counter reads {number}, but its check sum does not agree")
    return number


def _bits(number: int) -> tuple[int, ...]:
    text = f"{number:0{_NUMBER_BITS}b}{_crc4(number):0{_CHECK_BITS}b}"
    return (*_HEAD, *(int(bit) for bit in text), *_TAIL)


def _crc4(number: int) -> int:
    """CRC-4-ITU (x^4 + x + 1): every error of one bit, and every burst of up to four, changes it."""
    rest = number << _CHECK_BITS
    for place in range(_NUMBER_BITS + _CHECK_BITS - 1, _CHECK_BITS - 1, -1):
        if rest >> place & 1:
            rest ^= 0b10011 << place - _CHECK_BITS
    return rest
