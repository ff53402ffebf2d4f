"""Where people complain: the right authority of their country, its page and its language."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from bot.dialogue import buttons, delivery, objection, writing
from bot.dialogue.buttons import Deliver, Go
from bot.dialogue.events import Pressed
from bot.dialogue.replies import Tap, Visit
from bot.dialogue.screens import Voice
from bot.dialogue.turn import respond
from bot.knowledge import formats
from bot.knowledge.markup import plain

TODAY = date(2026, 11, 21)
LANGUAGES = ("en", "fr", "de", "nl")
# Written down apart from faq/authorities.yaml, so that a slip there does not pass here.
# Country: host of the page where a complaint begins, words of the name, languages that are taken.
TABLE = {
    "AT": ("dsb.gv.at", "Österreichische Datenschutzbehörde", "de"),
    "BE": ("www.autoriteprotectiondonnees.be", "protection des données", "fr nl de"),
    "BG": ("cpdp.bg", "Комисия за защита на личните данни", "bg"),
    "CH": ("www.edoeb.admin.ch", "Öffentlichkeitsbeauftragter", "de fr it"),
    "CY": ("www.dataprotection.gov.cy", "Γραφείο Επιτρόπου", "el en"),
    "CZ": ("uoou.gov.cz", "Úřad pro ochranu osobních údajů", "cs"),
    "DE": ("datenschutz-hamburg.de", "Hamburgische", "de"),
    "DK": ("www.datatilsynet.dk", "Datatilsynet", "da"),
    "EE": ("www.aki.ee", "Andmekaitse Inspektsioon", "et"),
    "ES": ("sedeagpd.gob.es", "Agencia Española de Protección de Datos", "es"),
    "FI": ("tietosuoja.fi", "Tietosuojavaltuutetun", "fi sv"),
    "FR": ("www.cnil.fr", "informatique et des libertés", "fr"),
    "GB": ("ico.org.uk", "Information Commissioner", "en"),
    "GR": ("www.dpa.gr", "Αρχή Προστασίας Δεδομένων", "el"),
    "HR": ("azop.hr", "Agencija za zaštitu osobnih podataka", "hr"),
    "HU": ("naih.hu", "Nemzeti Adatvédelmi", "hu"),
    "IE": ("forms.dataprotection.ie", "Data Protection Commission", "en ga"),
    "IS": ("island.is", "Persónuvernd", "is"),
    "IT": ("www.garanteprivacy.it", "Garante per la protezione dei dati personali", "it"),
    "LI": ("dss.llv.li", "Datenschutzstelle Fürstentum Liechtenstein", "de"),
    "LT": ("vdai.lrv.lt", "Valstybinė duomenų apsaugos inspekcija", "lt"),
    "LU": ("cnpd.public.lu", "Commission nationale pour la protection des données", "fr de lb en"),
    "LV": ("www.dvi.gov.lv", "Datu valsts inspekcija", "lv"),
    "MT": ("idpc.org.mt", "Information and Data Protection Commissioner", "mt en"),
    "NL": ("www.autoriteitpersoonsgegevens.nl", "Autoriteit Persoonsgegevens", "nl"),
    "NO": ("www.datatilsynet.no", "Datatilsynet", "no"),
    "PL": ("www.uodo.gov.pl", "Urząd Ochrony Danych Osobowych", "pl"),
    "PT": ("www.cnpd.pt", "Comissão Nacional de Proteção de Dados", "pt"),
    "RO": ("www.dataprotection.ro", "Autoritatea Națională de Supraveghere", "ro en"),
    "SE": ("www.imy.se", "Integritetsskyddsmyndigheten", "sv"),
    "SI": ("www.ip-rs.si", "Informacijski pooblaščenec", "sl"),
    "SK": ("dataprotection.gov.sk", "Úrad na ochranu osobných údajov", "sk"),
}
OTHER_HOSTS = {
    ("AT", "en"): "data-protection-authority.gv.at",
    ("BE", "en"): "www.dataprotectionauthority.be",
    ("BE", "nl"): "www.gegevensbeschermingsautoriteit.be",
}
"""Pages for readers of one language."""
OTHER_NAMES = {
    ("BE", "nl"): "Gegevensbeschermingsautoriteit",
    ("BE", "de"): "Datenschutzbehörde",
    ("BE", "en"): "Gegevensbeschermingsautoriteit",
    ("CH", "fr"): "Préposé fédéral à la protection des données",
    ("LU", "de"): "Nationale Kommission für den Datenschutz",
    ("MT", "fr"): "Uffiċċju tal-Kummissarju",
    ("MT", "de"): "Uffiċċju tal-Kummissarju",
    ("MT", "nl"): "Uffiċċju tal-Kummissarju",
}
"""Its name in the reader's language, where that is one of the country's; else in its first."""
LAENDER = {
    "bw": ("www.baden-wuerttemberg.datenschutz.de", "Baden-Württemberg"),
    "by": ("www.lda.bayern.de", "Bayerisches Landesamt"),
    "be": ("www.datenschutz-berlin.de", "Berliner"),
    "bb": ("www.lda.brandenburg.de", "Brandenburg"),
    "hb": ("www.datenschutz.bremen.de", "Bremen"),
    "hh": ("datenschutz-hamburg.de", "Hamburgische"),
    "he": ("datenschutz.hessen.de", "Hessische"),
    "mv": ("www.datenschutz-mv.de", "Mecklenburg-Vorpommern"),
    "ni": ("lfd.niedersachsen.de", "Niedersachsen"),
    "nw": ("www.ldi.nrw.de", "Nordrhein-Westfalen"),
    "rp": ("www.datenschutz.rlp.de", "Rheinland-Pfalz"),
    "sl": ("www.datenschutz.saarland.de", "Saarland"),
    "sn": ("www.datenschutz.sachsen.de", "Sächsische"),
    "st": ("datenschutz.sachsen-anhalt.de", "Sachsen-Anhalt"),
    "sh": ("www.datenschutzzentrum.de", "Schleswig-Holstein"),
    "th": ("www.tlfdi.de", "Thüringer"),
}
SPOKEN = {
    "en": "bg Bulgarian cs Czech da Danish de German el Greek en English es Spanish et Estonian "
          "fi Finnish fr French ga Irish hr Croatian hu Hungarian is Icelandic it Italian "
          "lb Luxembourgish lt Lithuanian lv Latvian mt Maltese nl Dutch no Norwegian pl Polish "
          "pt Portuguese ro Romanian sk Slovak sl Slovenian sv Swedish",
    "fr": "bg bulgare cs tchèque da danois de allemand el grec en anglais es espagnol et estonien "
          "fi finnois fr français ga irlandais hr croate hu hongrois is islandais it italien "
          "lb luxembourgeois lt lituanien lv letton mt maltais nl néerlandais no norvégien "
          "pl polonais pt portugais ro roumain sk slovaque sl slovène sv suédois",
    "de": "bg Bulgarisch cs Tschechisch da Dänisch de Deutsch el Griechisch en Englisch "
          "es Spanisch et Estnisch fi Finnisch fr Französisch ga Irisch hr Kroatisch hu Ungarisch "
          "is Isländisch it Italienisch lb Luxemburgisch lt Litauisch lv Lettisch mt Maltesisch "
          "nl Niederländisch no Norwegisch pl Polnisch pt Portugiesisch ro Rumänisch sk Slowakisch "
          "sl Slowenisch sv Schwedisch",
    "nl": "bg Bulgaars cs Tsjechisch da Deens de Duits el Grieks en Engels es Spaans et Estisch "
          "fi Fins fr Frans ga Iers hr Kroatisch hu Hongaars is IJslands it Italiaans "
          "lb Luxemburgs lt Litouws lv Lets mt Maltees nl Nederlands no Noors pl Pools "
          "pt Portugees ro Roemeens sk Slowaaks sl Sloveens sv Zweeds",
}  # fmt: skip
"""What a language is called in each of ours."""


def names_of(language):
    words = SPOKEN[language].split()
    return dict(zip(words[::2], words[1::2], strict=True))


def step(knowledge, country, land=None, **answers):
    """The screen of the complaint for somebody who lives there."""
    made = objection.Step("complaint", objection.start(knowledge.flow).answers)
    answers |= {"country": country} | ({"land": land} if land else {})
    for question, option in answers.items():
        made = objection._set(knowledge.flow, made, knowledge.flow.question(question), (option,))
    return made


def screen(assistant, language, at):
    data = buttons.encode(Go(language, at), assistant.knowledge)
    (reply,) = respond(Pressed(data), assistant, TODAY).replies
    return reply


def keys_of(reply, kind):
    return [key for row in reply.rows for key in row if isinstance(key, kind)]


def papers_of(assistant, reply):
    parsed = [buttons.parse(tap.data, assistant.knowledge) for tap in keys_of(reply, Tap)]
    return [button.paper for button in parsed if isinstance(button, Deliver)]


def test_the_table_has_every_country(knowledge):
    """32, and each Land of Germany."""
    assert set(TABLE) | {"elsewhere"} == set(knowledge.flow.question("country").options)
    assert set(TABLE) == set(knowledge.authorities)
    assert set(LAENDER) == set(knowledge.flow.question("land").options)
    assert set(LAENDER) == set(knowledge.authorities["DE"].regions)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("country", TABLE)
def test_each_country_has_its_authority_on_the_screen(assistant, country, language):
    """Its name in its own language, the button to its page, and the languages that it takes."""
    host, name, taken = TABLE[country]
    reply = screen(assistant, language, step(assistant.knowledge, country))
    said = plain(reply.blocks)
    if country == "BE" and language == "fr":
        assert name in said
    else:
        assert OTHER_NAMES.get((country, language), name) in said
    page = keys_of(reply, Visit)[0]
    assert page.url.startswith("https://")
    assert urlsplit(page.url).hostname == OTHER_HOSTS.get((country, language), host)
    line = next(line for line in said.split("\n") if all(
        names_of(language)[tag] in line for tag in taken.split()))  # fmt: skip
    assert sum(spoken in line for spoken in names_of(language).values()) == len(taken.split())


@pytest.mark.parametrize("land", LAENDER)
def test_each_land_has_its_authority(assistant, land):
    """On the screen, and above the letter."""
    host, name = LAENDER[land]
    at = step(assistant.knowledge, "DE", land)
    reply = screen(assistant, "de", at)
    assert name in plain(reply.blocks)
    assert urlsplit(keys_of(reply, Visit)[0].url).hostname == host
    letter = writing.write_letter(Voice(assistant.knowledge, "de", TODAY), at, "complaint-silent")
    assert name in letter.recipient[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("country", sorted(set(TABLE) - {"GB", "CH"}))
def test_the_complaint_is_in_a_language_that_the_authority_takes(assistant, country, language):
    """The person's own if it is taken, else one of ours that is; else said so on the screen."""
    knowledge = assistant.knowledge
    _, _, taken = TABLE[country]
    at = step(knowledge, country, accounts="facebook")
    reply = screen(assistant, language, at)
    assert papers_of(assistant, reply) == ["complaint-silent", "complaint-refused"]
    letter = writing.write_letter(Voice(knowledge, language, TODAY), at, "complaint-silent")
    ours = set(taken.split()) & set(LANGUAGES)
    if language in ours:
        assert letter.language == language
    elif ours:
        assert letter.language in ours
    else:
        assert letter.language == language
        foreign = knowledge.catalogs[language].text(
            "authority.foreign",
            languages=formats.join([names_of(language)[t] for t in taken.split()], language),
            language=names_of(language)[language],
        )
        assert foreign in plain(reply.blocks)
    name = OTHER_NAMES.get((country, letter.language), TABLE[country][1])
    assert name in letter.recipient[0]
    subject = knowledge.catalogs[letter.language].text(
        "letter.complaint.subject", company=knowledge.flow.company[0]
    )
    assert letter.subject == subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("country", ["GB", "CH"])
def test_where_the_gdpr_does_not_apply_there_is_no_letter(assistant, country, language):
    """The page and an honest word; a forged button gets nothing either."""
    at = step(assistant.knowledge, country)
    reply = screen(assistant, language, at)
    assert keys_of(reply, Visit)
    assert papers_of(assistant, reply) == []
    said = plain(reply.blocks)
    assert "UK GDPR" in said if country == "GB" else "UK GDPR" not in said
    voice = Voice(assistant.knowledge, language, TODAY)
    for paper in ("complaint-silent", "complaint-refused"):
        assert delivery.deliver(voice, paper, "message", at) is None
        data = buttons.encode(Deliver(language, paper, "pdf", at), assistant.knowledge)
        turn = respond(Pressed(data), assistant, TODAY)
        assert turn.notice
        assert turn.replies[0].attachment is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_elsewhere_there_is_no_authority_to_name(assistant, language):
    """No link, no letter; a word that says so."""
    reply = screen(assistant, language, step(assistant.knowledge, "elsewhere"))
    assert keys_of(reply, Visit) == []
    assert papers_of(assistant, reply) == []
    say = assistant.knowledge.catalogs[language].text
    assert say("objection.complaint.country-elsewhere") in plain(reply.blocks)


@pytest.mark.parametrize("country", TABLE)
def test_an_address_that_was_not_seen_says_so(assistant, knowledge, country):
    """With the home page as a second button; the day of the check stands below."""
    reply = screen(assistant, "en", step(knowledge, country))
    authority = knowledge.authorities[country]
    office = authority.office_for(None)
    said = plain(reply.blocks)
    say = knowledge.catalogs["en"].text
    assert (say("authority.unsure") in said) == (office.sure == "seen")
    assert (say("authority.home") in said) == (office.sure == "home")
    assert len(keys_of(reply, Visit)) == (2 if office.sure == "seen" else 1)
    day = formats.show_day(authority.checked, "en")
    assert said.rstrip().endswith(say("authority.checked", date=day))


def test_a_letter_has_the_address_in_its_own_language(knowledge):
    """In Belgium a French letter goes to the Rue de la Presse, a Dutch one to the Drukpersstraat."""
    office = knowledge.authorities["BE"].office
    assert office.lines("fr")[0].startswith("Rue de la Presse")
    assert office.lines("nl")[0].startswith("Drukpersstraat")
    assert office.lines("en") == office.address
