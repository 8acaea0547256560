"""Lines of a shell, of SQL and of cloud tools that do what is hard to take back, in whichever language they stand."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier.reflex_heads import beginnings, worded
from classifier.reflex_lists import words

if TYPE_CHECKING:
    from classifier.reflex_action import Action, Found

_COMMANDS: Final[tuple[tuple[Action, str], ...]] = (
    (
        "overwrite",
        r"git\s+(?:-c\s+\S+\s+)?push\b[^,;]*\s(?:-f|--force(?:-with-lease)?)\b|git\s+reset\s+--hard|dd\s+if=\S+\s+of=|"
        r"flashrom\s+-w|insert\s+overwrite\s",
    ),
    (
        "delete",
        r"rm\s+(?:-\S+\s+)+\S|rmdir\s+(?:/\w\s+)?\S|rd\s+/s|del\s+/\S|mkfs(?:\.\w+)?\s|shred\s+-|wipefs\s|srm\s|"
        r"drop\s+(?:table|database|schema|index|view|column|user|role|keyspace|collection|partition|sequence|trigger|function)\b"
        r"(?!s)|delete\s+from\s+\w|truncate\s+(?:table\s+)?\w+\s*(?:cascade)?$|remove-item\s|format\s+[a-z]:|"
        r"(?:kubectl|oc|helm|gcloud|az|aws|docker|podman|heroku|vagrant|gh|pulumi|doctl|eksctl|vault|etcdctl|minikube|kind|k3d|flyctl|fly)"
        r"\s(?:\S+\s){0,4}?(?:delete|destroy|uninstall|rm|rmi|prune|rb|remove|apps:destroy|delete-\w[\w-]*|del)\b|"
        r"(?:terraform|tofu|terragrunt|cdk)\s+(?:\S+\s)?destroy|git\s+branch\s+-d\b|git\s+push\s+\S+\s+(?:--delete|:)|"
        r"git\s+clean\s+-\S*f|crontab\s+-r\b|(?:redis-cli\s+(?:\S+\s+)*)?flush(?:all|db)\b|db\.\w+\.(?:drop|deletemany|remove)\(|"
        r"db\.dropdatabase\(|(?:apt|apt-get|yum|dnf|brew|npm|pip|pip3|snap|pacman|conda)\s+(?:remove|purge|uninstall|unpublish|-r\w*)\s|"
        r"userdel\s|deluser\s|groupdel\s|lvremove\s|vgremove\s|zpool\s+destroy|zfs\s+destroy|gsutil\s+(?:-m\s+)?rm\s|s3cmd\s+del",
    ),
    (
        "shutdown",
        r"(?:shutdown|poweroff|halt|reboot)(?:\s+(?:-\w+|/\w|now)\b|\s*$)|init\s+[06]\b|"
        r"(?:systemctl|service|supervisorctl|pm2|brew\s+services|rc-service|net|launchctl|docker|podman|nginx|pg_ctl|apachectl)"
        r"\s(?:\S+\s){0,3}?(?:stop|restart|kill|poweroff|reboot|halt|unload|disable)\b|docker[ -]compose\s+(?:\S+\s+)*(?:down|stop)|"
        r"kill\s+-\w+|(?:pkill|kill)(?:all)?\s+-\w|pkill\s+\w|killall\s+\w|taskkill\s|stop-(?:computer|service|process|vm)\b|"
        r"kubectl\s(?:\S+\s)*scale\s.*--replicas[= ]0|kubectl\s(?:\S+\s)*drain\s|kubectl\s+rollout\s+restart|"
        r"(?:aws|gcloud|az)\s(?:\S+\s){1,4}?(?:stop|terminate|stop-\S+|terminate-\S+|deallocate)\b|nginx\s+-s\s+(?:stop|quit)",
    ),
    (
        "revoke",
        r"revoke\s+[\w, ]+\s+on\s|revoke\s+\w+\s+from\s|gpg\s+--gen-revoke|passwd\s+-l\b|usermod\s+-l\b|"
        r"aws\s+iam\s+(?:detach|remove|deactivate)-\S+|vault\s+(?:token|lease)\s+revoke|chage\s+-e\s*0",
    ),
    (
        "modify",
        r"update\s+[\w.]+\s+set\s+\w+\s*=|alter\s+(?:table|database|user|role|system|column|view)\b|chmod\s+-?\S+\s+\S|"
        r"chown\s+-?\S+\s+\S|sed\s+-i|usermod\s+-\w|git\s+config\s+--global\s+\S+\s+\S|sysctl\s+-w|iptables\s+-\w|passwd\s+\w|"
        r"kubectl\s(?:\S+\s)*(?:edit|patch|set\s+image|scale)\s|set\s+global\s|crontab\s+-e",
    ),
)
_BEGINS: Final = beginnings("|".join(words for _, words in _COMMANDS))
_COMMAND: Final = (
    rf"(?:\$\s*|#\s*|>\s*)?(?:sudo\s+(?:-\w+\s+)?)?(?={_BEGINS})(?:"
    + "|".join(f"(?P<{action}>{words})" for action, words in _COMMANDS)
    + ")"
)
_COMMAND_FIRST: Final = re.compile(_COMMAND)
_COMMAND_LATER: Final = re.compile(r"[\s$#>:,]" + _COMMAND)
_LEAD: Final = re.compile(
    r"^[\s>$#*-]*(?:\d+[.)]\s*)?(?:(?:please|pls|just|now|then|go ahead and|ok|okay|hey|can you|could you|would you|next|kindly|"
    r"i want you to|i need you to|sudo|run|execute|exec|do|issue|type|enter|fire|first|finally|this|the command|a|on \w+|in \w+|"
    r"ssh (?:in)?to \S+|psql\b.*|mysql\b.*|mongosh?\b.*|ssh\b.*|(?:ba)?sh -c|sqlite3\b.*|powershell\b.*|cmd /c|and|immediately|quickly)\b[\s,:]*)*$"
)
_LEAD_ZH: Final = re.compile(
    r"^[^,]{0,12}?(?:执行|运行|跑|敲|来一?个|上|里|中|直接|给我|帮我|请|麻烦|马上|立即|现在|先|再|然后|就|去|吧|做|用)?(?:一下|一遍|个|条)?"
    r"(?:这条|这个|命令|语句|指令)?[\s:]*$"
)
_NAMES: Final = words(
    "rm rmdir rd del mkfs shred wipefs drop delete truncate kubectl oc helm gcloud az aws docker podman heroku vagrant terraform tofu "
    "terragrunt cdk git crontab flushall flushdb db apt apt-get yum dnf brew npm pip pip3 snap pacman conda userdel deluser groupdel "
    "lvremove vgremove zpool zfs gsutil s3cmd shutdown poweroff halt reboot init systemctl service supervisorctl pm2 net launchctl "
    "nginx pg_ctl kill pkill killall taskkill stop-computer stop-service stop-process stop-vm revoke gpg passwd usermod vault chage "
    "update alter chmod chown sed sysctl iptables set dd flashrom insert remove-item redis-cli gh pulumi eksctl etcdctl minikube "
    "flyctl fly apachectl pulumi srm git-push docker-compose psql mysql sqlite3 mongosh ssh"
)
_TOOL: Final = re.compile(r"(?<![a-z])(?:" + "|".join(re.escape(name) for name in _NAMES) + r")[\s.:(]")
_LATIN: Final = re.compile(r"[a-z]{2}")
_QUOTES: Final = re.compile(r"""[`"'$(>#:,.]""")
_TOOL_WORDS: Final = frozenset(_NAMES)
_RUN: Final = re.compile(r"(\b(?:run|execute|exec)(?: this)?(?: command)?:?|执行|运行|跑一下|跑)\s*`([^`\n]*)`")


_WRAPPER: Final = worded("psql|mysql|mongosh?|bash|sh|ssh|sqlite3|redis-cli|powershell|cmd", r"\b")
_WRAPPED: Final = re.compile(
    r"(\b(?:psql|mysql|mongosh?|bash|sh|ssh|sqlite3|redis-cli|powershell|cmd)\b[^\"'\n]{0,60}?)([\"'])([^\"'\n]*)\2"
)


def uncovered(text: str) -> str:
    """Return the text with the ticks gone from a command that it says to run: there the quote is the order."""
    text = _RUN.sub(r"\1 \2", text) if "`" in text else text
    if ('"' in text or "'" in text) and _WRAPPER.search(text) is not None:
        return _WRAPPED.sub(r"\1 \3", text)
    return text


def holds_command(text: str) -> bool:
    """Return whether the name of a tool stands anywhere in a folded text: most texts have none."""
    if not _TOOL_WORDS.isdisjoint(_QUOTES.sub(" ", text).split()):
        return True
    return not text.isascii() and _LATIN.search(text) is not None and _TOOL.search(text) is not None


def command_in(clause: str) -> Found | None:
    """Return the action of a command line that begins a clause, whoever asks to run it."""
    found = _COMMAND_FIRST.match(clause)
    at = 0
    if found is None:
        found = _COMMAND_LATER.search(clause)
        at = 0 if found is None else found.start() + 1
    if found is None or found.lastgroup is None:
        return None
    before = clause[:at]
    if not (_LEAD.match(before) or (not before.isascii() and _LEAD_ZH.match(before))):
        return None
    action: Action = found.lastgroup  # pyright: ignore[reportAssignmentType]  # the groups are named for actions
    return action, clause, f"command:{action}"
