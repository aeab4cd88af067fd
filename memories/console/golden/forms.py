"""What a golden set asks, how often, and how far it may fall."""

from __future__ import annotations

from typing import Any

from django import forms

from memories.evaluation.datasets.reading import DatasetProblem
from memories.evaluation.golden.questions import write
from memories.evaluation.golden.sets import SCHEDULES, Wanted, checked_questions
from memories.models import GoldenSet
from memories.models.golden import NAME_CHARS, TOLERANCE

MAX_TEXT_CHARS = 2_000_000
EXAMPLE = (
    '{"question": "Where does Ida live?", "user_id": "ida", "expects": ["Lisbon"]}'
)

WRITTEN = {"rows": 12, "class": "mono", "spellcheck": "false"}


class GoldenSetForm(forms.Form):
    name = forms.CharField(label="Name", max_length=NAME_CHARS)
    questions = forms.CharField(
        label="Questions",
        max_length=MAX_TEXT_CHARS,
        strip=False,
        widget=forms.Textarea(attrs=WRITTEN),
        help_text=f"JSON Lines, one question a line: {EXAMPLE}. Each text of expects"
        " must stand in a memory that is found; without any, nothing should be found.",
    )
    every_hours = forms.TypedChoiceField(
        label="Ask them", choices=list(SCHEDULES.items()), coerce=int
    )
    tolerance = forms.FloatField(
        label="Tolerance",
        min_value=0,
        max_value=1,
        initial=TOLERANCE,
        widget=forms.NumberInput(attrs={"step": "0.005"}),
        help_text="How far R@10 or MRR may lie below the accepted run before it is"
        " marked: .02 is two questions in a hundred.",
    )

    @classmethod
    def of(cls, golden: GoldenSet, data: Any = None) -> GoldenSetForm:
        initial = {
            "name": golden.name,
            "questions": write(golden.questions),
            "every_hours": golden.every_hours,
            "tolerance": golden.tolerance,
        }
        return cls(data, initial=initial)

    def clean_questions(self) -> str:
        text: str = self.cleaned_data["questions"]
        try:
            checked_questions(text)
        except DatasetProblem as problem:
            raise forms.ValidationError(str(problem)) from problem
        return text

    def wanted(self) -> Wanted:
        said = self.cleaned_data
        return Wanted(
            said["name"], said["questions"], said["every_hours"], said["tolerance"]
        )
