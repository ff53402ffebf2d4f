"""The screens on which a reminder is planned, and the message that it is in the end."""

from datetime import date, timedelta

from bot.dialogue import objection
from bot.dialogue.buttons import Enter, Page, Schedule
from bot.dialogue.reminding import (
    HOURS,
    Plan,
    Reminder,
    can_plan,
    days_of_month,
    due_at,
    local_time,
    zone_of,
)
from bot.dialogue.replies import (
    Appointment,
    Attachment,
    Remind,
    Reply,
    Row,
    StopReminding,
    Tap,
)
from bot.dialogue.screens import Voice
from bot.knowledge import formats

SOON = (3, 7, 30)
"""Days that are offered at once."""
_DAYS_IN_A_ROW = 5


def offer(voice: Voice, plan: Plan) -> Reply:
    """Which day?"""
    taps = [
        _tap(voice, f"remind.button.in-{days}", "hour", plan, voice.today + timedelta(days=days))
        for days in SOON
    ]
    taps.append(_tap(voice, "remind.button.other", "month", plan, voice.today + timedelta(days=1)))
    return Reply(voice.blocks("remind.offer"), tuple((tap,) for tap in taps))


def month(voice: Voice, plan: Plan) -> Reply:
    """The days of a month as buttons."""
    first = (plan.day or voice.today).replace(day=1)
    days = days_of_month(first, voice.today)
    taps = [voice.tap(str(day.day), _stage(voice, "hour", plan, day)) for day in days]
    rows: list[Row] = [
        tuple(taps[n : n + _DAYS_IN_A_ROW]) for n in range(0, len(taps), _DAYS_IN_A_ROW)
    ]
    around: list[Tap] = []
    before, after = first - timedelta(days=1), (first + timedelta(days=32)).replace(day=1)
    if can_plan(Plan("", "", before), voice.today):
        around.append(_tap(voice, "remind.button.earlier", "month", plan, before))
    if can_plan(Plan("", "", after), voice.today):
        around.append(_tap(voice, "remind.button.later", "month", plan, after))
    rows.append(tuple(around))
    rows.append((_back(voice, plan),))
    heading = formats.show_month(first, voice.language)
    return Reply(
        voice.blocks("remind.month", month=heading), tuple(r for r in rows if r), edits=True
    )


def hour(voice: Voice, plan: Plan) -> Reply:
    """At what time, and whether the bot or the own calendar reminds."""
    day = formats.show_weekday(plan.day or voice.today, voice.language)
    rows: list[Row] = []
    for one in HOURS:
        at = Plan(plan.kind, plan.country, plan.day, one)
        shown = formats.show_time(one, voice.language)
        rows.append(
            (
                voice.tap(f"{shown} 🔔", Schedule(voice.language, "keep", at)),
                voice.tap(f"{shown} 📅", Schedule(voice.language, "file", at)),
            )
        )
    rows.append((_back(voice, plan),))
    return Reply(voice.blocks("remind.hour", day=day), tuple(rows), edits=True)


def kept(voice: Voice, plan: Plan) -> tuple[Reply, Remind, Reply]:
    """What is said, what is stored, and what is said instead where it cannot be stored."""
    day, at = plan.day or voice.today, plan.hour or HOURS[0]
    said = voice.blocks(
        "remind.set",
        day=formats.show_weekday(day, voice.language),
        time=formats.show_time(at, voice.language),
        place=formats.place_name(zone_of(plan.country), voice.language),
    )
    stop = voice.tap(voice.say("remind.button.stop"), Page(voice.language, "unremind"))
    file = voice.tap(voice.say("remind.button.calendar"), Schedule(voice.language, "file", plan))
    failed = Reply(voice.blocks("remind.failed"), ((file,), (stop,)), edits=True)
    reminder = Reminder(plan.kind, due_at(day, at, plan.country), voice.language)
    return Reply(said, ((stop,),), edits=True), Remind(reminder), failed


def file(voice: Voice, plan: Plan) -> Reply:
    """A file for the person's own calendar; nothing is stored."""
    title = voice.say(f"remind.about.{plan.kind}")
    content = Appointment(
        language=voice.language,
        title=title,
        text=voice.say("remind.calendar-text"),
        begins=local_time(plan.day or voice.today, plan.hour or HOURS[0], plan.country),
    )
    return Reply(voice.blocks("remind.file"), attachment=Attachment("meta-objection.ics", content))


def stopped(voice: Voice) -> tuple[Reply, StopReminding, Reply]:
    """All reminders of this chat are gone; and what is said where they could not be deleted."""
    home = (voice.page_tap("home"),)
    stop = voice.tap(voice.say("remind.button.stop"), Page(voice.language, "unremind"))
    failed = Reply(voice.blocks("remind.not-stopped"), ((stop,), home), edits=True)
    said = Reply(voice.blocks("remind.stopped"), (home,), edits=True)
    return said, StopReminding(), failed


def compose(voice: Voice, reminder: Reminder) -> Reply:
    """The message that a reminder is."""
    step = objection.Step("aftermath", objection.start(voice.knowledge.flow).answers)
    rows: tuple[Row, ...] = (
        (voice.tap(voice.say("remind.button.open"), Enter(voice.language, step)),),
        (voice.tap(voice.say("remind.button.stop"), Page(voice.language, "unremind")),),
    )
    return Reply(voice.blocks(f"remind.message.{reminder.kind}"), rows)


def listed(voice: Voice, reminders: tuple[Reminder, ...]) -> list[str]:
    """A line for each reminder that is kept: the day in UTC, the place is not stored."""
    return [
        voice.say(
            "remind.list",
            day=formats.show_day(one.due.date(), voice.language),
            time=f"{one.due:%H:%M} UTC",
            about=voice.say(f"remind.about.{one.kind}"),
        )
        for one in reminders
    ]


def is_possible(plan: Plan, stage: str, today: date) -> bool:
    """Whether a planned day still lies ahead: the button may be years old."""
    if stage == "month":
        return plan.day is not None and bool(days_of_month(plan.day.replace(day=1), today))
    return can_plan(plan, today)


def _stage(voice: Voice, stage: str, plan: Plan, day: date) -> Schedule:
    return Schedule(voice.language, stage, Plan(plan.kind, plan.country, day))


def _tap(voice: Voice, key: str, stage: str, plan: Plan, day: date) -> Tap:
    return voice.tap(voice.say(key), _stage(voice, stage, plan, day))


def _back(voice: Voice, plan: Plan) -> Tap:
    again = Schedule(voice.language, "offer", Plan(plan.kind, plan.country))
    return voice.tap(voice.say("page.button.back"), again)
