"""Themes: dark, light, high contrast, and one that uses the terminal's own sixteen colours (bare consoles, old terminals)."""

from collections.abc import Mapping
from dataclasses import replace

from textual.theme import BUILTIN_THEMES, Theme

THEMES = (
    Theme(
        name="cyclone-dark",
        primary="#4aa3df",
        secondary="#7c8ea6",
        accent="#35c6d8",
        success="#5fc16e",
        warning="#e3b341",
        error="#f0646c",
        foreground="#d7dee8",
        background="#10151c",
        surface="#161d27",
        panel="#1f2935",
        variables={
            "muted": "#8b98a9",
            "block-cursor-background": "#24507a",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-text-style": "none",
            "footer-key-foreground": "#35c6d8",
            "input-selection-background": "#35c6d8 35%",
        },
    ),
    Theme(
        name="cyclone-light",
        primary="#1f6fb2",
        secondary="#5b6b7f",
        accent="#00798c",
        success="#1a7f37",
        warning="#9a6700",
        error="#b3261e",
        foreground="#1c2430",
        background="#fbfcfd",
        surface="#f1f4f7",
        panel="#e1e7ed",
        dark=False,
        variables={
            "muted": "#5f6b7a",
            "block-cursor-background": "#bfdcf5",
            "block-cursor-foreground": "#0b1a2a",
            "block-cursor-text-style": "none",
            "footer-key-foreground": "#00798c",
        },
    ),
    Theme(
        name="cyclone-contrast",
        primary="#00bfff",
        secondary="#ffffff",
        accent="#00ffff",
        success="#00ff66",
        warning="#ffff00",
        error="#ff5f5f",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#202020",
        text_alpha=1.0,
        variables={
            "muted": "#d0d0d0",
            "block-cursor-background": "#ffff00",
            "block-cursor-foreground": "#000000",
            "block-cursor-text-style": "bold",
            "footer-key-foreground": "#ffff00",
            "text-muted": "#d0d0d0",
        },
    ),
    replace(
        BUILTIN_THEMES["ansi-dark"],
        name="cyclone-ansi",
        accent="ansi_cyan",
        variables={**BUILTIN_THEMES["ansi-dark"].variables, "muted": "ansi_bright_black"},
    ),
)
VARIABLES = {"muted": "#8a93a0"}
"""What our styles use beyond Textual's variables, for themes that are not ours."""


def chosen(wanted: str, known: Mapping[str, Theme], environ: Mapping[str, str]) -> str:
    """The theme to use: the wanted one; the terminal's own colours where it has few and nothing else was wished."""
    if wanted == "cyclone-dark" and has_few_colors(environ):
        return "cyclone-ansi"
    return wanted if wanted in known else "cyclone-dark"


def has_few_colors(environ: Mapping[str, str]) -> bool:
    """Whether the terminal says that it shows sixteen colours or fewer."""
    term = environ.get("TERM", "")
    return term in ("linux", "xterm", "vt100", "vt220", "ansi", "screen", "tmux") and "COLORTERM" not in environ
