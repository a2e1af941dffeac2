"""Sentences of scripts that the general splitter knows little of."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest

from attribot_integrations.context.scripts import refine_sentences, script_of
from attribot_integrations.context.sources import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["彼は誰ですか？", "1962年に生まれた。", "東京に住む。"],
        ["「行く。」と言った。", "彼は去った！", "はい"],
        ["「行く。帰る。」と言った。", "雨。"],
        ["这是什么?", "1962年。", "他说：“我去。你来。”", "然后走了。"],
        ["（注。二つ。）", "終わり。", "次。"],
        ["何？！", "えっ。"],
        ["ខ្ញុំទៅផ្សារ។", "គាត់នៅផ្ទះ។", "ភ្នំពេញជារដ្ឋធានី។"],
        ["မြို့တော်မှာ နေပြည်တော်ဖြစ်သည်။", "ရန်ကုန်မြို့။"],
        ['"길다. 낡았다."라고 말했다.', " 비가 온다."],
        ["Είναι μακριά;", " Ναι.", " Πόσο; και πού;", " «Εδώ.»"],
        ["ཆུ་རིང་པོ་རེད།", " དེ་རྙིང་པ་རེད།"],
        ["यह एक वाक्य है।", "यह दूसरा है।"],
    ],
)
def test_sentences_without_spaces(sentences: list[str]) -> None:
    text = "".join(sentences)
    expected = [sentence.strip() for sentence in sentences]
    assert [text[start:end] for start, end in split_sentences(text)] == expected


@pytest.mark.parametrize(
    "clauses",
    [
        ["ประเทศไทยเป็นประเทศในเอเชีย", "มีเมืองหลวงคือกรุงเทพมหานคร ประชากรหกสิบหกล้านคน"],
        ["ปีสองพันห้าร้อยหกสิบสองมี 66 ล้านคน", "อยู่ในเมืองหลวงของประเทศไทย"],
        ["ນະຄອນຫຼວງວຽງຈັນແມ່ນເມືອງຫຼວງຂອງລາວ", "ປະຊາກອນເຈັດແສນຄົນຢູ່ໃນນະຄອນ"],
    ],
)
def test_clauses_of_thai_and_lao(clauses: list[str]) -> None:
    text = " ".join(clauses)
    assert [text[start:end] for start, end in split_sentences(text)] == clauses


@pytest.mark.parametrize(
    "clauses",
    [
        ["ปี พ.ศ. 2325"],
        ["พ.ศ.2325 เป็นปีที่ก่อตั้ง"],
        ["เกิดเมื่อ ค.ศ. 1962 ที่กรุงเทพ"],
        ["วันที่ 5 ธ.ค. 2470 เวลา 10.30 น. นาย ก. และ ดร. ข. ไปตลาด"],
        ["ພ.ສ. 2518 ປະເທດລາວ"],
        ["กรุงเทพมหานครก่อตั้งในปี พ.ศ. 2325 โดยพระบาทสมเด็จพระพุทธยอดฟ้าจุฬาโลก"],
        ["ม.ร.ว. คึกฤทธิ์ ประชุม.", "เขากลับบ้าน.", "1962 เป็นปี"],
        ["He lived in กทม. for years."],
        ["เขาไปตลาด.", "He left.", "พ.ศ. 2325"],
        ["He lived in กทม.", "She left."],
    ],
)
def test_abbreviations_in_thai_and_lao_end_nothing(clauses: list[str]) -> None:
    text = " ".join(clauses)
    assert [text[start:end] for start, end in split_sentences(text)] == clauses


def test_a_line_ends_with_an_abbreviation() -> None:
    lines = ["เวลา 10.30 น.", "วันที่ 5"]
    text = "\n\n".join(lines)
    assert [text[start:end] for start, end in split_sentences(text)] == lines


@pytest.mark.parametrize(
    "text",
    [
        "What?1962 was it. It was.",
        "The song (アッパレ☆番長参上!べるぜバブ , by Ada) is old.",
        "I (坂本ですが? , lit. Sakamoto) went.",
        "He said “I went. I saw.” Then he left.",
    ],
)
def test_other_sentences_stay_as_they_are(text: str) -> None:
    spans = [(0, 5), (5, len(text))]
    assert refine_sentences(text, [(0, len(text))]) == [(0, len(text))]
    assert [*refine_sentences(text, spans)] == spans


def test_long_hostile_text_takes_little_time() -> None:
    for text in (
        "ก." * 50_000,
        "「" * 50_000 + "。",
        "？" * 50_000,
        "ก" + "ั" * 50_000 + " " * 50_000,
        "漢)!" * 30_000,
        "α;" * 30_000,
        "།" * 50_000,
        '"가' * 30_000,
    ):
        assert refine_sentences(text, [(0, len(text))])
    many = "ก. " * 20_000
    spans = [(start, start + 2) for start in range(0, len(many), 3)]
    assert refine_sentences(many, spans) == [(0, len(many) - 1)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("12 Häuser", "Latin"),
        ("ประเทศ ABC", "Thai"),
        ("東京です", "Han"),
        ("Москва", "Cyrillic"),
        ("ᚠᚢ", "Common"),
        ("12 ?", None),
    ],
)
def test_scripts(text: str, script: str | None) -> None:
    assert script_of(text) == script
