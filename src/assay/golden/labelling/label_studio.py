"""Label Studio's JSON of tasks and annotations, out and in, and the labelling interface that shows it.

Field names are those of its guide (labelstud.io/guide/task_format): a task has `data` and `annotations`, an annotation
`result`, `completed_by`, `was_cancelled`, `created_at`, `updated_at`, `lead_time`; a result of a `Choices` tag has
`from_name`, `to_name`, `type` "choices" and `value.choices`. On import `completed_by` is taken as an object with the
user's `email`, as Label Studio takes it; an export of Label Studio has the user's number there, or the object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from assay.golden.labelling.exchange import Given, Incoming, Out, Reading, Who, texts

CONTROL, SHOWN_AS, NOTE = "label", "question", "note"
HOST = "assay.invalid"
"""A pseudonym goes out as an address of this host, which exists nowhere (RFC 2606), because users are named by one."""
SIDES = {"left": "first", "right": "second"}
"""The values of Label Studio's own Pairwise tag."""


def write(task_name: str, items: Sequence[Out]) -> str:
    """A JSON list of tasks; `data.item` names the item when it comes back."""
    rows = []
    for number, out in enumerate(items, 1):
        row: dict[str, Any] = {"id": number, "data": {"task": task_name, "item": out.shown.item_id, **texts(out.shown)}}
        row["annotations"] = [_annotation(given) for given in out.given]
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _annotation(given: Given) -> dict[str, Any]:
    result: list[dict[str, Any]] = []
    if given.choice:
        value = {"choices": [given.choice]}
        result.append({"from_name": CONTROL, "to_name": SHOWN_AS, "type": "choices", "value": value})
    if given.note:
        value = {"text": [given.note]}
        result.append({"from_name": NOTE, "to_name": SHOWN_AS, "type": "textarea", "value": value})
    return {
        "result": result,
        "was_cancelled": not given.choice,
        "ground_truth": False,
        "created_at": given.at,
        "updated_at": given.at,
        "lead_time": given.seconds,
        "completed_by": {"email": given.annotator if "@" in given.annotator else f"{given.annotator}@{HOST}"},
    }


def interface(question: str, guidelines: str, items: Sequence[Out]) -> str:
    """The labelling configuration of a project: everything that items show, and the choices."""
    shown = list(dict.fromkeys(name for out in items for name in texts(out.shown)))
    choices = list(dict.fromkeys(choice for out in items for choice in out.shown.choices))
    lines = [
        "<View>",
        f"  <Header value={quoteattr(question)}/>",
        f'  <Header size="5" value={quoteattr(guidelines)}/>',
        *(
            f'  <Header size="5" value="{escape(n)}"/>\n  <Text name="{escape(n)}" value="${escape(n)}"/>'
            for n in shown
        ),
        f'  <Choices name="{CONTROL}" toName="{SHOWN_AS}" choice="single" required="true">',
        *(f"    <Choice value={quoteattr(choice)}/>" for choice in choices),
        "  </Choices>",
        f'  <TextArea name="{NOTE}" toName="{SHOWN_AS}" maxSubmissions="1"/>',
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def read(data: bytes, name: str, who: Who) -> Incoming:
    """Every annotation of every task. Cancelled ones are passes. Raises BadLabels."""
    reading = Reading(name)
    given: list[Given] = []
    blank = 0
    for number, record in reading.records(data):
        fields = reading.part(number, record, "data", dict, {})
        item = fields.get("item")
        if not isinstance(item, str) or not item:
            reading.report(number, "$.data.item", "label.no_item", "is missing: it names what was labelled")
            continue
        annotations = reading.part(number, record, "annotations", list, [])
        blank += not annotations
        for at, annotation in enumerate(annotations):
            found = _given(reading, number, f"$.annotations[{at}]", item, annotation, who)
            if found is not None:
                given.append(found)
    return reading.done(given, blank)


def _given(reading: Reading, number: int, path: str, item: str, annotation: Any, who: Who) -> Given | None:
    if not isinstance(annotation, dict):
        reading.report(number, path, "label.wrong_type", "must be an object")
        return None
    person = _person(annotation.get("completed_by"), who)
    results = annotation.get("result")
    if not person or not isinstance(results, list):
        where = "completed_by" if not person else "result"
        reading.report(number, f"{path}.{where}", "label.wrong_type", "is missing or of another type")
        return None
    chosen = [choice for result in results if isinstance(result, dict) for choice in _choices(result)]
    notes = [text for result in results if isinstance(result, dict) for text in _notes(result)]
    cancelled = annotation.get("was_cancelled") is True
    if len(chosen) > 1 or (not chosen and not cancelled):
        what = "has more than one choice" if chosen else "has no choice, and was not cancelled"
        reading.report(number, f"{path}.result", "label.choices", what)
        return None
    time, moment = annotation.get("lead_time"), annotation.get("updated_at") or annotation.get("created_at")
    seconds = float(time) if isinstance(time, (int, float)) and not isinstance(time, bool) and 0 <= time < 1e7 else None
    choice = "" if cancelled else chosen[0]
    return Given(item, person, choice, moment if isinstance(moment, str) else "", seconds, " ".join(notes), number)


def _person(completed_by: Any, who: Who) -> str:
    """The pseudonym: from an object's email, else its id, or from the bare number of a user."""
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("id")
    if isinstance(completed_by, bool) or not isinstance(completed_by, (int, str)):
        return ""
    stated = str(completed_by)
    if stated in who:
        return who[stated]
    return stated.removesuffix(f"@{HOST}") if isinstance(completed_by, str) else f"user-{completed_by}"


def _choices(result: Mapping[str, Any]) -> list[str]:
    value = result.get("value")
    if result.get("from_name") not in (CONTROL, None) or not isinstance(value, Mapping):
        return []
    if result.get("type") == "pairwise":
        return [SIDES[side] for side in [value.get("selected")] if side in SIDES]
    choices = value.get("choices")
    return [one for one in choices if isinstance(one, str)] if isinstance(choices, list) else []


def _notes(result: Mapping[str, Any]) -> list[str]:
    value = result.get("value")
    written = value.get("text") if isinstance(value, Mapping) and result.get("type") == "textarea" else None
    texts_of = written if isinstance(written, list) else [written]
    return [one for one in texts_of if isinstance(one, str)]
