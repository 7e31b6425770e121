"""Addresses that others can type."""

from __future__ import annotations

import pytest

from ae_core import network


@pytest.mark.parametrize(
    ("url", "listens_on", "there"),
    [
        ("http://localhost:8501/", None, "http://192.0.2.7:8501/"),
        ("http://127.0.0.1:8600/explore", "0.0.0.0", "http://192.0.2.7:8600/explore"),
        ("http://localhost:8501/", "127.0.0.1", "http://localhost:8501/"),
        ("https://lab.example.org/", None, "https://lab.example.org/"),
    ],
)
def test_a_link_for_the_class_names_this_computer(monkeypatch, url, listens_on, there):
    """A loopback address becomes the network's where the server listens there, and stays where it does not."""
    monkeypatch.setattr(network, "lan_address", lambda: "192.0.2.7")

    assert network.for_others(url, listens_on) == there


def test_without_a_network_the_link_stays(monkeypatch):
    """A computer that has no address on a network gives the address that it has."""
    monkeypatch.setattr(network, "lan_address", lambda: "")

    assert network.for_others("http://localhost:8501/", None) == "http://localhost:8501/"
