"""The English verbs of the reflex: which action each stands for, and with which objects or particles."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501, ISC004

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from classifier.reflex_lists import words
from classifier.reflex_typos import misspellings

if TYPE_CHECKING:
    from classifier.reflex_action import Action

OBJECTS: Final[dict[str, frozenset[str]]] = {
    kind: frozenset(words.split())
    for kind, words in {
        "right": "access permission permissions rights privilege privileges authority authorization authorisation clearance "
        "consent entitlement entitlements admin administrator root sudo owner superuser moderator maintainer collaborator admins editor "
        "owners editors moderators allowlist whitelist sudoers administrators membership power",
        "pass": "licence license licenses licences certificate certificates cert certs credential credentials token tokens keycard "
        "badge badges code codes pin role roles mandate delegation attorney key keys visa permit permits pass passes warrant invitation "
        "invitations invite invites session sessions grant grants approval login logins password passwords secret secrets "
        "passport subscription-key mfa cookie cookies fob card cards seat seats link links oauth refresh-token passkey",
        "person": "user users account accounts profile him her them contractor contractors employee employees intern interns member members "
        "guest guests vendor vendors everyone everybody ex-employee ex-employees ip ips bot bots customer device devices "
        "integration guy guys woman man fellow seller sellers player partner app spammer troll supplier",
        "host": "farm farms server servers service services machine machines cluster clusters process processes job jobs batch batches database databases db "
        "instance instances container containers vm vms node nodes pod pods prod production staging pump pumps engine engines "
        "motor motors belt line lines reactor furnace furnaces turbine turbines daemon daemons worker workers network router "
        "routers deployment deployments system systems plant elevator elevators generator generators camera cameras nginx redis "
        "postgres mysql kafka docker app apps application applications site sites website websites webshop shop shops store stores api apis gateway "
        "gateways build builds pipeline pipelines everything conveyor light lights lamp lamps heater heaters boiler boilers "
        "heating fan fans pc pcs computer computers laptop laptops device devices scheduler queue queues backend frontend bot "
        "bots task tasks program programs thread threads stack stacks robot robots mixer oven ovens press presses crane cranes drone drones "
        "ventilation compressor compressors backup stream streams broadcast recording trading listener listeners proxy proxies "
        "firewall alarm alarms environment environments env envs datacenter datacentre rack racks switch switches workstation "
        "workstations host hosts desktop endpoint endpoints cron crons cronjob crawler crawlers scraper scrapers training "
        "experiment run runs query queries connection connections rollout sync replication consumer consumers broker vpn wifi wi-fi hotspot modem printer printers "
        "appliance dishwasher stove tv television projector thermostat ac aircon sprinkler sprinklers valve valves pumps "
        "kubernetes k8s lambda function loadbalancer balancer cache mailserver smtp ftp ssh campaign campaigns autopilot "
        "infrastructure infra region zone testbed cooler chiller freezer fridge display kiosk kiosks terminal terminals "
        "registry index-job importer exporter bridge tunnel simulator simulation session-host mainframe charger chargers "
        "monitoring exchange emulator subsystem game minecraft instance-group fleet ec2 rds pid ventilator ventilators respirator respirators centrifuge centrifuges incubator dialysis "
        "siren sirens detector detectors sensor sensors ▢",
        "data": "table tables database databases db schema schemas column columns index indexes indices collection collections "
        "constraint view views partition partitions record records row rows topic topics branch branches connection connections "
        "file files folder folders directory directories log logs cache caches message messages email emails mail inbox mailbox "
        "mailboxes photo photos picture pictures video videos image images snapshot snapshots backup backups bucket buckets "
        "volume volumes disk disks drive drives partition dataset datasets history cookies trash bin queue account accounts "
        "user users contact contacts draft drafts note notes document documents doc docs copy copies duplicate duplicates entry "
        "entries item items recording recordings repo repos repository repositories namespace namespaces tag tags release "
        "releases version versions container containers image vm vms instance instances node nodes app apps software package "
        "packages download downloads archive archives attachment attachments address addresses profile profiles post posts "
        "comment comments tweet tweets playlist playlists song songs cart basket list lists spreadsheet sheet sheets workspace "
        "project projects channel channels group groups site website page pages screenshot screenshots chat chats thread threads "
        "everything all it them these those this that ones stuff junk spam invoice invoices order orders customer customers "
        "subscription subscriptions label labels event events calendar meeting meetings reminder reminders bookmark bookmarks "
        "storage memory usb stick card phone laptop desktop gallery library warehouse environment environments stack job jobs "
        "secret secrets key keys token tokens wallet subscriber subscribers lead leads prod staging namespace-old db-old "
        "dump dumps migration migrations crontab registry ticket tickets artifact artifacts artefacts temp tmp contents "
        "mp3s mp4s pdfs csvs movies films books games cluster server servers vector embeddings checkpoint checkpoints "
        "model models pipeline policy rule rules filter filters widget listing listings ad ads campaign campaigns footage "
        "browser domain domains fields field form forms feed review reviews conversation conversations transcript "
        "transcripts register roster directory listing credentials fork forks cassette tape tapes floppy hdd ssd nas shelf shares mirror replica replicas",
        "disk": "drive disk partition usb stick card hdd ssd volume volumes laptop phone sd hard disks drives c: d: e: tablet",
        "scalar": "limit limits price prices salary salaries budget budgets quota quotas rate rates threshold thresholds "
        "temperature volume timeout timeouts ttl replicas capacity discount dose dosage memory size speed fee fees rent premium "
        "interest retention priority severity level credit allowance wage wages bid stock brightness pressure fps concurrency "
        "cpu ram bandwidth age minimum maximum max min setpoint heat thermostat margin tariff deposit",
        "own": "ownership title deed house car domain domains trademark patent shares stock property estate custody workspace lease "
        "flat apartment land business company copyright proprietor owner owners holdings position coins btc eth bitcoin crypto "
        "repo repository organisation organization channel",
    }.items()
}  # fmt: skip
ANY: Final = "any"
MIN_TYPO_CHARS: Final = 6
"""Shorter verbs are too near to other words for a slip to be told."""
_TABLE: Final[tuple[tuple[Action, str, str], ...]] = (
    # The first row that fits decides: what an object makes of a verb stands before the verb alone.
    ("transfer", "money", "send give move deposit withdraw forward credit settle shoot chuck ping slide fling shift put charge bill "
     "lend loan gift pass push release drop convert exchange invest top fund tip clear refund sweep liquidate get grant throw "
     "hand cover spend stake slip advance spot assign process return kick bung zap"),
    ("transfer", "own", "assign reassign sell gift convey bequeath cede give sign hand deed make pass move liquidate"),
    ("revoke", "right", "remove drop strip pull cut kill take delete end terminate disable suspend cancel withdraw void clear stop "
     "block yank nix axe kick zap expire freeze lock close lift deactivate ditch scrap erase retract deny"),
    ("revoke", "pass", "pull expire cancel withdraw void disable suspend strip block terminate ban blacklist stop yank end "
     "freeze retract deny lock unlink kill deactivate"),
    ("revoke", "person", "deactivate disable suspend block lock freeze offboard blacklist deny boot evict kick expel"),
    ("modify", "scalar", "raise lower increase decrease reduce cut cap bump drop hike slash trim boost cut set put bring crank "
     "dial push knock max ramp turn"),
    ("modify", "to", "raise lower increase decrease reduce cap bump hike slash trim boost set switch convert move push point map "
     "route redirect flip promote demote configure shift bring cut upgrade downgrade migrate turn reconfigure"),
    ("delete", "disk", "format zero reimage re-image degauss"),
    ("shutdown", "host", "stop kill terminate disable suspend restart abort cancel pause end freeze bounce drain cycle quit "
     "disconnect interrupt close stall sleep kick nix axe starve isolate unload"),
    ("delete", "data", "drop kill lose clean clear sweep burn bin dump scrap ditch axe nix toss trash chuck flush prune empty "
     "destroy forget blank kick yank dispose rm unlink weed strip void close zero cull forget unpublish dissolve disband "
     "retire expire torch bulldoze vaporise vaporize jettison vacuum thin pull"),
    ("delete", ANY, "delete erase wipe purge discard destroy shred nuke truncate trash uninstall scrub expunge obliterate prune "
     "eradicate deregister unregister evict eliminate incinerate zap remove rm unlink rmdir unpublish annihilate dissolve disband "
     "deallocate delist empty declutter dump flush del"),
    ("modify", ANY, "modify change update edit alter adjust amend rename reset reconfigure reschedule upgrade downgrade relabel "
     "retitle swap revise tweak correct patch migrate double halve triple extend shorten postpone reassign redirect toggle "
     "reprice rebrand repoint renumber prolong backdate overhaul recalibrate retag remap"),
    ("overwrite", ANY, "overwrite replace clobber supersede force-push forcepush overwite"),
    ("transfer", ANY, "transfer wire pay remit venmo paypal zelle donate refund reimburse repay disburse prepay bequeath escheat "
     "cashapp etransfer e-transfer"),
    ("revoke", ANY, "revoke rescind invalidate deauthorize deauthorise unshare annul repeal deprovision de-provision offboard ban "
     "blacklist decertify uninvite disinvite disallow de-authorize unauthorize blocklist countermand"),
    ("shutdown", ANY, "shutdown poweroff decommission unplug deactivate reboot halt restart hibernate sunset de-energize "
     "de-energise power-cycle powercycle mothball shutter"),
)  # fmt: skip


def _by_verb() -> dict[str, tuple[tuple[str, Action], ...]]:
    """Return for every verb the objects that it takes, in the order of the table."""
    found: dict[str, tuple[tuple[str, Action], ...]] = {}
    for action, kind, verbs in _TABLE:
        for verb in verbs.split():
            found[verb] = (*found.get(verb, ()), (kind, action))
    return found


VERBS: Final = _by_verb()
SURE: Final[dict[str, Action]] = {verb: kinds[-1][1] for verb, kinds in VERBS.items() if kinds[-1][0] == ANY}
"""Verbs that order with any object at all."""

_PARTICLES: Final[tuple[tuple[Action, str, str, str], ...]] = (
    # verb, particle, objects
    ("modify", "turn crank dial ramp scale bring put push mark knock cut", "up down", "scalar"),
    ("modify", "turn crank dial ramp", "up down", ANY),
    ("revoke", "take pull", "away back off", "right"),
    ("revoke", "pull", "out", "right"),
    ("transfer", "pull", "out", "money"),
    ("revoke", "take pull", "away back", "pass"),
    ("revoke", "lock boot", "out", ANY),
    ("revoke", "log sign kick", "out off", "person"),
    ("revoke", "log sign kick", "out off", "pass"),
    ("revoke", "log sign", "out", ANY),
    ("revoke", "shut close", "out off", "person"),
    ("revoke", "cut shut turn switch", "off", "right"),
    ("revoke", "cut", "off", "person"),
    ("shutdown", "shut shutt", "down donw off offline", ANY),
    ("shutdown", "power turn switch flip", "off", ANY),
    ("shutdown", "power spin wind bring take close tear go knock pull scale", "down offline", "host"),
    ("shutdown", "take bring pull knock get put go", "offline", ANY),
    ("shutdown", "power spin wind", "down", ANY),
    ("shutdown", "cut kill", "off power electricity engine engines current gas juice mains", ANY),
    ("shutdown", "put send", "sleep standby", "host"),
    ("delete", "throw toss chuck", "out away bin trash garbage", ANY),
    ("delete", "move send drag put", "trash bin garbage shredder", "data"),
    ("delete", "clear clean empty wipe flush muck", "out up off down", "data"),
    ("delete", "blow", "away", ANY),
    ("shutdown", "take pull put", "service rotation commission", "host"),
    ("delete", "take tear pull cross strike bring scratch", "down off out", "data"),
    ("delete", "strike cross scratch", "from", ANY),
    ("shutdown", "turn put switch", "out", "host"),
    ("delete", "kill finish", "off", "data"),
    ("delete", "kick", "out off", ANY),
    ("delete", "get", "rid shot", ANY),
    ("delete", "get", "off out", "data"),
    ("delete", "do", "away", "data"),
    ("delete", "let make", "disappear vanish", ANY),
    ("overwrite", "write save record tape", "over", "data"),
    ("transfer", "hand sign make pass turn send wire shoot", "over", "own"),
    ("transfer", "sign hand deed make", "over", ANY),
    ("transfer", "cash pay", "out off up back in", ANY),
    ("transfer", "cough fork shell hand", "up over out", "money"),
)  # fmt: skip


def _by_particle() -> dict[str, tuple[tuple[frozenset[str], str, Action], ...]]:
    """Return for every verb its particles, the objects that they take, and the action."""
    found: dict[str, tuple[tuple[frozenset[str], str, Action], ...]] = {}
    for action, verbs, particles, kind in _PARTICLES:
        for verb in verbs.split():
            found[verb] = (*found.get(verb, ()), (frozenset(particles.split()), kind, action))
    return found


PHRASAL: Final = _by_particle()
NOUNS: Final[dict[str, Action]] = {
    **dict.fromkeys(words("deletion removal wipe purge erasure destruction uninstallation deregistration cleanup"), "delete"),
    **dict.fromkeys(words("update change reset modification upgrade downgrade correction amendment rotation renaming"), "modify"),
    **dict.fromkeys(words("overwrite replacement force-push"), "overwrite"),
    **dict.fromkeys(words("transfer payment refund donation wire remittance reimbursement payout handover"), "transfer"),
    **dict.fromkeys(words("revocation invalidation deprovisioning ban"), "revoke"),
    **dict.fromkeys(words("shutdown reboot restart termination decommissioning deactivation poweroff shut-down"), "shutdown"),
}  # fmt: skip
"""What a light verb makes an order of: `initiate the shutdown`."""

_IRREGULAR: Final[dict[str, Action]] = {
    **dict.fromkeys(words("gone dropped cleared emptied binned trashed tossed scrapped ditched axed thrown burned dumped flushed "
                    "cleaned formatted closed unpublished"), "delete"),
    **dict.fromkeys(words("set reset raised lowered reduced increased moved corrected swapped modified switched bumped cut capped "
                    "extended shortened doubled halved pushed"), "modify"),
    **dict.fromkeys(words("overwritten replaced superseded"), "overwrite"),
    **dict.fromkeys(words("paid sent wired transferred remitted refunded settled reimbursed signed assigned"), "transfer"),
    **dict.fromkeys(words("withdrawn cancelled disabled suspended blocked banned deprovisioned offboarded locked frozen "
                    "expired"), "revoke"),
    **dict.fromkeys(words("shut stopped halted terminated killed turned taken powered restarted rebooted switched-off "
                    "offline"), "shutdown"),
}  # fmt: skip


_OF_OTHERS: Final = frozenset(words("scraped scraping striped striping toped toping caped caping"))
"""Forms of `scrape`, `stripe`, `tope` and `cape`, not of `scrap`, `strip`, `top` and `cap`."""


def _past(verb: str) -> tuple[str, ...]:
    if verb.endswith("e"):
        return (verb + "d",)
    made = (verb[:-1] + "ied",) if verb.endswith("y") else (verb + verb[-1] + "ed",)
    return tuple(form for form in (verb + "ed", *made) if form not in _OF_OTHERS)


_PASTS: Final = dict(pair.split(":") for pair in words(
    "gone:delete thrown:throw overwritten:overwrite taken:take shut:shut cut:cut put:put set:set reset:reset paid:pay sent:send "
    "withdrawn:withdraw frozen:freeze brought:bring spun:spin sold:sell given:give lent:lend kept:keep wound:wind tossed:toss "
    "got:get gotten:get lost:lose torn:tear blown:blow burnt:burn rid:delete dropped:drop binned:bin signed:sign"))  # fmt: skip
PASTS: Final[dict[str, str]] = {
    **{form: verb for verb in {*VERBS, *PHRASAL} for form in _past(verb)},
    **_PASTS,
}
"""Past forms, with the verb that each is of."""
PARTICIPLES: Final[dict[str, Action]] = {
    **{form: action for verb, action in SURE.items() for form in _past(verb)},
    **_IRREGULAR,
}
GERUNDS: Final[dict[str, str]] = {
    form: verb
    for verb in {*VERBS, *PHRASAL}
    for form in (verb.removesuffix("e") + "ing", verb + verb[-1] + "ing", verb + "ing")
    if form not in _OF_OTHERS
}
TYPOS: Final = misspellings((*tuple(verb for verb in SURE if len(verb) >= MIN_TYPO_CHARS), "shut"))
TRIGGERS: Final = frozenset(
    {*VERBS, *PHRASAL, *TYPOS, *PARTICIPLES, *GERUNDS, *NOUNS, "off", "down", "both", "over", "access"}
)
"""One of these words stands in every English order that the rules know."""
