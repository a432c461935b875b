"""Colours by lightness, chroma and hue (OKLCH), so that what should differ differs by as much as the eye sees.

OKLab: Björn Ottosson, "A perceptual color space for image processing", 2020.
Contrast: WCAG 2.2, success criterion 1.4.11.
"""

from __future__ import annotations

import math

PAGES = ("#FFFFFF", "#14171B")  # the page's background in light and in dark, as style.css has it
LEAST_CONTRAST = 3.0  # of a mark against the page, WCAG 1.4.11

_TO_LMS = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_CHROMA_STEP = 0.005
_ROUNDING = 2e-4  # how far outside of [0, 1] a channel may come by rounding


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """A colour as `#RRGGBB`.

    Args:
        lightness: in [0, 1].
        chroma: from 0, grey; made smaller where a screen has no such colour.
        hue: in degrees.
    """
    while True:
        channels = _linear(lightness, chroma, hue)
        if chroma <= 0 or all(-_ROUNDING <= channel <= 1 + _ROUNDING for channel in channels):
            return "#" + "".join(f"{round(255 * _encoded(channel)):02X}" for channel in channels)
        chroma = max(0.0, chroma - _CHROMA_STEP)


def contrast(a: str, b: str) -> float:
    """WCAG contrast ratio of two colours, from 1 (equal luminance) to 21."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _linear(lightness: float, chroma: float, hue: float) -> list[float]:
    """Linear red, green and blue; outside of [0, 1] where a screen has no such colour."""
    angle = math.radians(hue)
    lab = (lightness, chroma * math.cos(angle), chroma * math.sin(angle))
    lms = [sum(a * b for a, b in zip(row, lab, strict=True)) ** 3 for row in _TO_LMS]
    return [sum(a * b for a, b in zip(row, lms, strict=True)) for row in _TO_RGB]


def _encoded(channel: float) -> float:
    """sRGB's transfer curve, from linear light in [0, 1]."""
    channel = min(1.0, max(0.0, channel))
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _luminance(colour: str) -> float:
    """WCAG relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
