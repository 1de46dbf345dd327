"""The page in a real browser: what its reader sees, on a screen, on a phone, on paper, in the dark."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from compare import page
from tests.compare.browser import Site, chromium, requested, screen, serving, unfold
from tests.compare.whole import whole

WIDE, PHONE = 1200, 390
PAPER = 718
"""CSS pixels between the margins of A4."""


@dataclass
class Reader:
    """A browser that has opened the page, and what happened then."""

    driver: webdriver.Chrome
    site: Site
    console: list[str]
    requested: list[str]
    pictures: int = field(default=0)


@pytest.fixture(scope="module")
def opened() -> Iterator[Reader]:
    """Two runs, so that everything that a page can have is there."""
    second = whole(rounds=3, seed=8, services=("echo",), timed=False)
    text = page.draw({"first.json": whole(rounds=3), "second.json": second})
    with serving(text) as site, chromium() as driver:
        driver.get(site.address)
        said = [entry["message"] for entry in driver.get_log("browser")]
        yield Reader(driver, site, said, requested(driver), text.count('role="img"'))


@pytest.fixture
def reader(opened: Reader) -> Iterator[Reader]:
    """Unfolded, on a wide screen, by day."""
    screen(opened.driver, WIDE)
    unfold(opened.driver)
    yield opened
    assert [entry["message"] for entry in opened.driver.get_log("browser")] == []


def test_it_opens_without_a_word_on_the_console(opened: Reader) -> None:
    assert opened.console == []
    assert opened.driver.title.startswith("twofold compare")


def test_it_asks_for_nothing_but_itself(opened: Reader) -> None:
    """ "One HTML file, no network needed": neither for an icon, nor for a font."""
    assert opened.site.asked == ["/"]
    assert [one for one in opened.requested if not one.startswith("data:")] == [opened.site.address]


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_every_picture_has_a_size_and_words(reader: Reader, width: int) -> None:
    screen(reader.driver, width)
    found = reader.driver.execute_script(
        """return [...document.querySelectorAll('svg[role=img]')].map((one) => {
             const box = one.getBoundingClientRect();
             return [box.width, box.height, one.getAttribute('aria-label')];
           })"""
    )
    assert len(found) == reader.pictures > 20
    assert all(300 < wide <= width and tall > 50 for wide, tall, _ in found)
    assert all(re.search(r"\d", words) for *_, words in found)


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_no_text_of_a_picture_is_cut_or_covers_another(reader: Reader, width: int) -> None:
    screen(reader.driver, width)
    found = reader.driver.execute_script(
        """const bad = [];
           for (const one of document.querySelectorAll('svg[role=img]')) {
             const frame = one.getBoundingClientRect();
             const texts = [...one.querySelectorAll('text')];
             const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
             boxes.forEach(([words, box], at) => {
               if (box.left < frame.left - 2 || box.right > frame.right + 2) bad.push('cut: ' + words);
               for (const [others, other] of boxes.slice(at + 1)) {
                 const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
                 const tall = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
                 if (wide > 1 && tall > 4) bad.push(words + ' and ' + others);
               }
             });
           }
           return bad"""
    )
    assert found == []


@pytest.mark.parametrize("width", [WIDE, PHONE, 320])
def test_nothing_is_wider_than_the_screen(reader: Reader, width: int) -> None:
    """Wide tables and code scroll in boxes of their own."""
    screen(reader.driver, width)
    wide = reader.driver.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width


def _column(table: WebElement, at: int) -> list[str]:
    cells = table.find_elements(By.CSS_SELECTOR, f"tbody tr > :nth-child({at})")
    return [str(one.get_property("textContent")).strip() for one in cells]


def _numbers(words: list[str]) -> list[float]:
    return [float(one.replace(",", "")) for one in words]


def _sorts(table: WebElement) -> list[str | None]:
    return [one.get_attribute("aria-sort") for one in table.find_elements(By.CSS_SELECTOR, "thead th")]


def test_tables_sort_at_a_click_up_and_then_down(reader: Reader) -> None:
    table = reader.driver.find_element(By.CSS_SELECTOR, "details.rounds table")
    heads = table.find_elements(By.CSS_SELECTOR, "thead th button")
    before = _column(table, 7)
    heads[6].click()
    assert _numbers(_column(table, 7)) == sorted(_numbers(before))
    assert [at for at, one in enumerate(_sorts(table)) if one] == [6]
    assert _sorts(table)[6] == "ascending"
    heads[6].click()
    assert _numbers(_column(table, 7)) == sorted(_numbers(before), reverse=True)
    assert _sorts(table)[6] == "descending"
    heads[0].click()  # words, and only this heading says that it is sorted
    assert _column(table, 1) == sorted(_column(table, 1))
    assert _sorts(table)[:2] == ["ascending", None]
    assert sorted(_column(table, 7)) == sorted(before)


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_tables_sort_by_keyboard(reader: Reader, key: str) -> None:
    table = reader.driver.find_elements(By.CSS_SELECTOR, "details.rounds table")[1]
    head = table.find_elements(By.CSS_SELECTOR, "thead th button")[2]
    reader.driver.execute_script("arguments[0].focus()", head)
    was = _sorts(table)[2]
    reader.driver.switch_to.active_element.send_keys(key)
    assert _sorts(table)[2] == ("descending" if was == "ascending" else "ascending")
    assert _numbers(_column(table, 3)) == sorted(
        _numbers(_column(table, 3)), reverse=_sorts(table)[2] == "descending"
    )


def test_every_heading_sorts(reader: Reader) -> None:
    found = reader.driver.execute_script(
        """return [...document.querySelectorAll('thead th')].filter((head) => {
             head.removeAttribute('aria-sort');
             head.querySelector('button').click();
             return head.getAttribute('aria-sort') !== 'ascending';
           }).map((head) => head.textContent)"""
    )
    assert found == []


def _panes(reader: Reader) -> list[dict[str, float]]:
    panes = reader.driver.find_elements(By.CSS_SELECTOR, "details.code .pane")[:2]
    return [one.rect for one in panes]


def test_code_stands_side_by_side_where_there_is_room(reader: Reader) -> None:
    twisted, gevent = _panes(reader)
    assert twisted["y"] == gevent["y"]
    assert twisted["x"] + twisted["width"] <= gevent["x"]
    assert abs(twisted["width"] - gevent["width"]) <= 1


def test_code_stands_one_below_the_other_on_a_phone(reader: Reader) -> None:
    screen(reader.driver, PHONE)
    twisted, gevent = _panes(reader)
    assert twisted["x"] == gevent["x"]
    assert twisted["y"] + twisted["height"] <= gevent["y"]


def test_paper_has_everything_also_what_is_folded(reader: Reader) -> None:
    unfold(reader.driver, False)
    screen(reader.driver, PAPER, media="print")
    hidden = reader.driver.execute_script(
        """dispatchEvent(new Event('beforeprint'));
           const whole = 'article p, article td, article svg[role=img], article pre';
           const found = [...document.querySelectorAll(whole)]
             .filter((one) => one.textContent.trim() && !one.getBoundingClientRect().height);
           const wide = [...document.querySelectorAll('article table, article figure, article pre')]
             .filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
           dispatchEvent(new Event('afterprint'));
           return [found.length, wide.map((one) => one.textContent.slice(0, 60))]"""
    )
    assert hidden == [0, []]
    printed = base64.b64decode(reader.driver.print_page())
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 20
    folded = reader.driver.execute_script("return document.querySelectorAll('details[open]').length")
    assert folded == 0


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(float(one)) / 255 for one in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_can_be_told_from_their_paper(reader: Reader, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: "a contrast ratio of at least 4.5:1"."""
    screen(reader.driver, WIDE, scheme)
    found = reader.driver.execute_script(
        """const paper = (one) => {
             for (; one; one = one.parentElement) {
               const colour = getComputedStyle(one).backgroundColor;
               if (colour !== 'rgba(0, 0, 0, 0)') return colour;
             }
           };
           const seen = new Map();
           for (const one of document.querySelectorAll('body *:not(script)')) {
             if (![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
             const style = getComputedStyle(one);
             const ink = one.closest('svg') ? style.fill : style.color;
             seen.set(ink + ' on ' + paper(one), one.tagName + ' ' + one.textContent.slice(0, 30));
           }
           return [...seen]"""
    )
    contrasts = {}
    for colours, where in found:
        ink, paper = sorted((_luminance(one) for one in colours.split(" on ")), reverse=True)
        contrasts[f"{colours}: {where}"] = (ink + 0.05) / (paper + 0.05)
    assert len(contrasts) > 5
    assert {words: value for words, value in contrasts.items() if value < 4.5} == {}


def test_the_dark_is_dark(reader: Reader) -> None:
    papers = []
    for scheme in ("light", "dark"):
        screen(reader.driver, WIDE, scheme)
        papers.append(reader.driver.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert _luminance(papers[0]) > 0.9
    assert _luminance(papers[1]) < 0.05
