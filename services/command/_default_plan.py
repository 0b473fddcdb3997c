"""The default plan: the order in which services came back in June 2024.

Watchlist first, then the crossing application ("what people talk about most"), the counters'
handwritten records, the gates of Soekarno-Hatta step by step, other airports, visa and stay permit,
passports last. Visa and stay permit do not wait for the
gates: an airport that is cut off must not keep applicants waiting.
"""

_COUNTERS = ["counter-cgk", "counter-dps", "counter-sub"]


def _journal_stage(airport: str) -> dict[str, object]:
    counter = f"counter-{airport}"
    return {"target": counter, "opens": "nothing", "after": ["border"], "surge": [counter]}


DEFAULT_PLAN: dict[str, object] = {
    "stages": {
        "watchlist": {
            "target": "watchlist",
            "opens": "admission",
            "ramp": [0.5, 1.0],
            "witnesses": _COUNTERS,
            "surge": _COUNTERS,
        },
        "border": {
            "target": "border",
            "opens": "admission",
            "after": ["watchlist"],
            "ramp": [0.25, 0.5, 1.0],
            "witnesses": _COUNTERS,
            "surge": _COUNTERS,
            "label": {"id": "aplikasi perlintasan", "en": "border-crossing system"},
        },
        "journal-cgk": _journal_stage("cgk"),
        "journal-dps": _journal_stage("dps"),
        "journal-sub": _journal_stage("sub"),
        "autogate-cgk": {
            "target": "autogate-cgk",
            "opens": "lanes",
            "after": ["border", "journal-cgk"],
            "needs": ["border"],
            "ramp": [0.34, 0.67, 1.0],
            "watch": ["counter-cgk"],
            "surge": ["counter-cgk"],
            "label": {"id": "autogate Soekarno-Hatta", "en": "autogates at Soekarno-Hatta"},
        },
        "autogate-dps": {
            "target": "autogate-dps",
            "opens": "lanes",
            "after": ["border", "journal-dps", "autogate-cgk"],
            "needs": ["border"],
            "ramp": [0.34, 0.67, 1.0],
            "watch": ["counter-dps"],
            "surge": ["counter-dps"],
            "label": {"id": "autogate Ngurah Rai", "en": "autogates at Ngurah Rai"},
        },
        "visa": {
            "target": "visa",
            "opens": "admission",
            "after": ["border"],
            "ramp": [0.5, 1.0],
            "witnesses": ["office"],
            "label": {"id": "visa", "en": "visas"},
        },
        "stay-permit": {
            "target": "stay-permit",
            "opens": "admission",
            "after": ["border"],
            "ramp": [0.5, 1.0],
            "witnesses": ["office"],
            "label": {"id": "izin tinggal", "en": "stay permits"},
        },
        "passport": {
            "target": "passport",
            "opens": "admission",
            "after": ["visa", "stay-permit"],
            "needs": ["border"],
            "ramp": [0.5, 1.0],
            "witnesses": ["office"],
            "watch": ["office"],
            "label": {"id": "paspor", "en": "passports"},
        },
    },
}
