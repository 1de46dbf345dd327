"""Chromium without a window, and what a page's reader would see in it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.peers.programs import program

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # as root, in CI, there is none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser of our own; without the program, a skip with a name, and a failure in CI."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Both paths are given, so that selenium looks for neither elsewhere.
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@dataclass
class Site:
    """A page on a server of its own, which knows who asked for what."""

    address: str
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(page: str) -> Iterator[Site]:
    site = Site("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            body = page.encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.address = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def requested(driver: webdriver.Chrome) -> list[str]:
    """Every address that the browser's pages asked for since this was asked last."""
    found = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            found.append(message["params"].get("request", message["params"])["url"])
    return found


def screen(driver: webdriver.Chrome, width: int, scheme: str = "light", media: str = "") -> None:
    """A screen so wide, in CSS pixels; 390 are a phone's."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def unfold(driver: webdriver.Chrome, wanted: bool = True) -> None:
    """All that is folded; or fold it again, but for what is open in the file."""
    driver.execute_script(
        "for (const one of document.querySelectorAll('details')) one.open = arguments[0]", wanted
    )
