"""Puts together what the dashboard's pages are given; loaded when somebody first opens it."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from admin.desk import Desk
from config.pepper import given_pepper
from config.stored_secret import stored_secret
from proxy.desk.decisions import HouseDecisions
from proxy.desk.documents import HouseDocuments
from proxy.desk.foundry import HouseFoundry
from proxy.desk.judge import HouseJudge
from proxy.desk.keys import HouseKeys
from proxy.desk.learning import HouseLearning
from proxy.desk.logs import HouseLogs
from proxy.desk.models import HouseModels
from proxy.desk.rules import HouseRules
from proxy.desk.settings import HouseSettings
from proxy.desk.system import HouseSystem
from proxy.desk.traffic import HouseTraffic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from proxy.house import House

FORMS_FILE = "dashboard-secret"


def build_desk(house: House) -> Desk:
    """Return the desk of a house. Reads or makes the secret of forms. Raises `SettingsError`."""
    settings = house.settings
    return Desk(
        database=house.database,
        csrf_secret=form_secret(settings.state_dir),
        is_https=lambda: settings.server.tls_cert_file is not None,
        max_body_bytes=settings.server.max_body_bytes,
        decisions=HouseDecisions(house),
        traffic=HouseTraffic(house),
        models=HouseModels(house),
        rules=HouseRules(house),
        judge=HouseJudge(house),
        documents=HouseDocuments(house),
        foundry=HouseFoundry(house),
        playground=house.playground,
        learning=HouseLearning(house),
        jobs=house.jobs,
        keys=HouseKeys(house),
        logs=HouseLogs(house),
        settings=HouseSettings(house),
        system=HouseSystem(house),
    )


def form_secret(state_dir: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Return what signs the tokens of forms: the same after a restart, and on replicas with one key pepper.

    A file of its own, not the pepper's: making that says that there are keys.
    """
    given = given_pepper(environment)
    if given is not None:
        return hmac.new(given, b"thalamus dashboard forms", hashlib.sha256).hexdigest()
    path = state_dir / FORMS_FILE
    return stored_secret(path, what="the secret of the dashboard's forms", mend="remove it").decode("utf-8", "replace")
