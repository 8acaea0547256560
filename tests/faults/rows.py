"""The 34 faults: what is wrong, how it is made, and what we promise; the words of `docs/faults.md` in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["reaching", "refusing", "answering", "client", "ours"]
GROUPS: dict[Group, tuple[str, str]] = {
    "reaching": ("Reaching the upstream", "连接上游"),
    "refusing": ("The upstream refuses", "上游拒绝"),
    "answering": ("The upstream's answer breaks", "上游的回答出错"),
    "client": ("The client", "客户端"),
    "ours": ("Our own house", "网关自身"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault of the matrix. Texts come in English and Chinese; `before` and `after` are our promise by commit."""

    number: int
    group: Group
    name: tuple[str, str]
    made: tuple[str, str]
    before: tuple[str, str]
    after: tuple[str, str]


_NEXT = ("the next candidate answers; the client notices nothing", "下一个候选作答，客户端毫无察觉")
_ERROR = ("an error inside the stream, no invented finish", "在流中报错，绝不编造结束标记")
_NO_AFTER = ("n/a: it happens before any content", "不适用：发生在任何内容之前")
_NOT_BY_COMMIT = ("n/a: it is not a matter of commit", "不适用：与提交点无关")
_THROUGH = ("the answer passes", "回答照常送达")

ROWS: tuple[Row, ...] = (
    Row(1, "reaching", ("Connection refused", "连接被拒绝"), ("a closed port", "关闭的端口"), _NEXT, _NO_AFTER),
    Row(2, "reaching", ("No address", "域名无法解析"), ("a name in .invalid", ".invalid 域名"), _NEXT, _NO_AFTER),
    Row(
        3,
        "reaching",
        ("TLS cannot be trusted", "TLS 证书不可信"),
        ("a self-signed certificate", "自签名证书"),
        _NEXT,
        _NO_AFTER,
    ),
    Row(
        4,
        "reaching",
        ("No headers, or no content, in time", "迟迟没有响应头或内容"),
        ("the request is read and nothing (or only the head) is sent", "读完请求后什么都不发，或只发响应头"),
        ("the deadline passes, the next candidate answers", "超过期限后由下一个候选作答"),
        _NO_AFTER,
    ),
    Row(
        5,
        "refusing",
        ("429 with a wish to wait", "429 并要求等待"),
        ("seconds, a date, milliseconds, JSON", "秒数、日期、毫秒、JSON 四种写法"),
        ("the next candidate answers; all refused: 429 with the wait", "下一个候选作答；全部拒绝时返回 429 与等待时间"),
        _NO_AFTER,
    ),
    Row(
        6,
        "refusing",
        ("500, 502, 503, 504", "500、502、503、504"),
        ("a whole error response", "完整的错误响应"),
        _NEXT,
        _NO_AFTER,
    ),
    Row(
        7,
        "refusing",
        ("529 overloaded", "529 过载"),
        ("a whole error response", "完整的错误响应"),
        ("one more try at the same target, then the next candidate", "同一目标再试一次，然后换下一个候选"),
        _NO_AFTER,
    ),
    Row(
        8,
        "answering",
        ("Silence after content", "有内容之后静默"),
        ("half an answer, then nothing", "回答到一半后停住"),
        ("a plain answer has not begun: the next candidate answers", "非流式尚未提交：下一个候选作答"),
        _ERROR,
    ),
    Row(
        9,
        "answering",
        ("Cut before content", "内容之前断开"),
        ("FIN or RST before the head or after it", "在响应头之前或之后 FIN 或 RST"),
        _NEXT,
        _NO_AFTER,
    ),
    Row(
        10,
        "answering",
        ("Cut after content", "有内容之后断开"),
        ("FIN, RST or a clean end without a finish", "FIN、RST，或没有结束标记的正常收尾"),
        ("a plain answer has not begun: the next candidate answers", "非流式尚未提交：下一个候选作答"),
        _ERROR,
    ),
    Row(
        11,
        "answering",
        ("Malformed event stream", "事件流格式错误"),
        ("lines that are no events", "不是事件的文本行"),
        _NEXT,
        _ERROR,
    ),
    Row(
        12,
        "answering",
        ("Broken JSON", "损坏的 JSON"),
        ("half an object, or a value that is no object", "半个对象，或不是对象的值"),
        _NEXT,
        _ERROR,
    ),
    Row(
        13,
        "answering",
        ("An empty answer", "空回答"),
        ("nothing at all, or a finish without content", "什么都没有，或只有结束标记"),
        ("the next candidate answers; all empty: an error; legal where cut by length", "下一个候选作答；全部为空则报错；因长度截断属正常"),
        _NO_AFTER,
    ),
    Row(
        14,
        "answering",
        ("Huge events and endless lines", "超大事件与无尽的行"),
        ("an event of 8 MB; a line that never ends", "8 MB 的事件；永不结束的行"),
        ("up to 16 MiB passes; beyond it the next candidate answers", "16 MiB 以内通过；超出则由下一个候选作答"),
        _ERROR,
    ),
    Row(
        15,
        "answering",
        ("200 with something else", "200 却是别的东西"),
        ("an HTML page, or an error as JSON", "HTML 页面，或 JSON 错误"),
        _NEXT,
        _NO_AFTER,
    ),
    Row(
        16,
        "answering",
        ("Slow drip", "涓滴式回答"),
        ("one byte at a time", "逐字节发送"),
        ("slow but whole answers pass; the total deadline bounds them", "慢但完整的回答通过；总期限为上限"),
        ("past the total deadline an error inside the stream", "超过总期限后在流中报错"),
    ),
    Row(
        17,
        "answering",
        ("Content filter", "内容过滤"),
        ("a finish that says filtered", "表示被过滤的结束标记"),
        ("it is an answer: no failover", "它就是回答：不切换"),
        _THROUGH,
    ),
    Row(
        18,
        "refusing",
        ("400, the context is too long", "400，上下文过长"),
        ("a whole error response", "完整的错误响应"),
        ("only a candidate with a larger window is tried", "只尝试窗口更大的候选"),
        _NO_AFTER,
    ),
    Row(
        19,
        "refusing",
        ("Other 400, 404, 422", "其他 400、404、422"),
        ("a whole error response", "完整的错误响应"),
        ("the caller's fault: returned, never tried elsewhere", "调用方的错误：直接返回，不再尝试"),
        _NO_AFTER,
    ),
    Row(
        20,
        "refusing",
        ("401, 403", "401、403"),
        ("a whole error response", "完整的错误响应"),
        ("the next candidate answers; the client never sees 401", "下一个候选作答；客户端绝不会看到 401"),
        _NO_AFTER,
    ),
    Row(
        21,
        "answering",
        ("Bytes after the end", "结束之后的字节"),
        ("a second end, late content, garbage", "第二个结束标记、迟到的内容、杂乱字节"),
        _THROUGH,
        ("one end goes out, the rest is dropped", "只送出一个结束标记，其余丢弃"),
    ),
    Row(
        22,
        "answering",
        ("An error event in a 200 stream", "200 流中的错误事件"),
        ("an error event before or after content", "内容之前或之后的错误事件"),
        _NEXT,
        _ERROR,
    ),
    Row(
        23,
        "client",
        ("The client leaves", "客户端离开"),
        ("its socket is closed while waiting, in a stream, in a plain call", "等待中、流式中、非流式中关闭套接字"),
        ("the upstream is closed within a second", "一秒内关闭上游连接"),
        ("the same, and what was said is counted", "同上，已生成的部分计入账目"),
    ),
    Row(
        24,
        "client",
        ("A client that does not read", "不读取的客户端"),
        ("a small receive buffer that is never emptied", "很小且从不清空的接收缓冲"),
        _NOT_BY_COMMIT,
        ("the upstream is held back, then the write deadline ends it", "先对上游施加反压，再由写入期限结束"),
    ),
    Row(
        25,
        "client",
        ("Bodies that are too much", "过分的请求体"),
        ("huge, deep, not UTF-8, a gzip bomb", "过大、过深、非 UTF-8、gzip 炸弹"),
        ("400, 413 or 415 before any candidate is asked", "在询问任何候选之前返回 400、413 或 415"),
        _NO_AFTER,
    ),
    Row(
        26,
        "client",
        ("HTTP that is not clean", "不规范的 HTTP"),
        ("raw requests", "原始请求"),
        ("400, 421 or 431 and the connection is closed; nothing reaches an upstream", "返回 400、421 或 431 并关闭连接；不会到达任何上游"),
        _NO_AFTER,
    ),
    Row(
        27,
        "ours",
        ("SIGTERM with open streams", "有打开的流时收到 SIGTERM"),
        ("the signal, in a process of its own", "向独立进程发信号"),
        ("new requests get 503", "新请求得到 503"),
        ("streams complete within the grace; past it, an error inside", "宽限期内流可完成；超过后在流中报错"),
    ),
    Row(
        28,
        "ours",
        ("kill -9", "kill -9"),
        ("the signal, in a process of its own", "向独立进程发信号"),
        _NOT_BY_COMMIT,
        ("what was acknowledged stands in the books after the restart", "已确认的记录在重启后仍在账目中"),
    ),
    Row(
        29,
        "ours",
        ("Disk full", "磁盘已满"),
        ("the database may not grow", "数据库无法增长"),
        ("requests are answered; records wait", "照常回答；记录排队等待"),
        ("the same", "同上"),
    ),
    Row(
        30,
        "ours",
        ("Database locked", "数据库被锁"),
        ("another writer holds it", "被另一个写入者占用"),
        ("requests are answered; records are written when it is free", "照常回答；解锁后写入记录"),
        ("the same", "同上"),
    ),
    Row(
        31,
        "ours",
        ("Shared state away", "共享状态不可用"),
        ("a stopped service", "停止的服务"),
        ("n/a: nothing is shared yet, limits are each process's own", "不适用：尚无共享状态，限额属于各进程"),
        _NOT_BY_COMMIT,
    ),
    Row(
        32,
        "ours",
        ("Database away", "数据库不可用"),
        ("the file is replaced by a folder or by garbage, or deleted", "文件被文件夹或乱码替换，或被删除"),
        (
            "known keys serve; an unknown key gets 503, not 401; a deleted file opens no door",
            "已知密钥可用；未知密钥得到 503 而非 401；文件被删除也不会放行无密钥者",
        ),
        _NOT_BY_COMMIT,
    ),
    Row(
        33,
        "ours",
        ("The clock jumps", "时钟跳变"),
        ("the wall clock is moved during a stream", "在流式过程中调整系统时钟"),
        ("deadlines do not move with it", "期限不随之移动"),
        ("the same", "同上"),
    ),
    Row(
        34,
        "ours",
        ("The breaker's probe", "熔断器探测"),
        ("many requests at a target that was benched", "大量请求涌向被停用的目标"),
        ("exactly one probe goes through; a lost one is released", "恰好放行一个探测；丢失的探测会被释放"),
        _NOT_BY_COMMIT,
    ),
)  # fmt: skip
BY_NUMBER: dict[int, Row] = {row.number: row for row in ROWS}
