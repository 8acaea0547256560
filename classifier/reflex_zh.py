"""The Chinese rules of the reflex: a clause with a verb of risk is an order, unless something in it says otherwise."""

# Word lists and patterns are read a line at a time; each early return of a rule is one reason not to fire.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from config.patterns import compile_regex

if TYPE_CHECKING:
    from classifier.reflex import Action

MAX_CLAUSE_CHARS: Final = 160

_VERBS: Final[tuple[tuple[Action, str], ...]] = (
    ("overwrite", "[覆复付负]盖|覆写|盖掉|盖过|冲掉|顶掉|替换|force[ -]?push|overwrite|强推|强制推送|推平"),
    (
        "revoke",
        "[吊掉调]销|[撤彻澈][销消]|(?:让|令|使)[^,]{0,20}失效|(?:权限|权力|资格|钥匙|特权)[^,]{0,6}收(?:了|走|掉)|收回|作废|撤回|废除|废止|剥夺|解除[^,]{0,12}(?:授权|权限|委托)|取消[^,]{0,16}(?:授权|权限|资格|访问|许可|"
        "同意|委托|令牌|特权|代理)|注销[^,]{0,16}(?:卡|证|令牌|会话|密钥|授权|凭据|许可)|权限[^,]{0,8}(?:下了|停了|拿掉|去掉|摘了|取消|关了|清掉)|"
        "revoke|踢下线|(?:停用|禁用|封禁|移除|删除|去掉|拿掉)[^,]{0,14}(?:权限|授权|令牌|密钥|访问权)|没收",
    ),
    (
        "shutdown",
        "[关观官]机|[关观官][闭必毕避]|[关观官]掉|[关观官]停|[停亭挺]机|停掉|停止|停下|停用|下线|断电|切断|杀掉|杀死|终止|熄火|拔了|拔掉|停服|停线上|停生产|关了|关一下|"
        "停了|停运|熄灭|拉闸|断网|中止|中断|重启|shutdown|shut ?down|kill|stop|关服|关上|停工|干掉[^,]{0,10}进程|(?:都|全|全部|给我|统统)(?:关|停)",
    ),
    (
        "transfer",
        "[转砖专赚][账帐胀](?!记录|功能|限额|接口|服务|页)|转给|转到|转入|转出|转进|转让|转赠|转移|汇款|汇到|汇给|汇出|电汇|付款(?!方式|码|人|记录)|支付(?!宝|服务|系统|接口|页|网关|密码|方式|渠道|模块|功能|流程|平台|成功|失败|记录|订单)|付给|付了|付掉|付清|付(?=[^,]{0,6}\\d)|缴|交了|交(?:一下|掉)?[^,]{0,4}(?:费|租|税|款)|[费租税款]交|打款|打给|打到|"
        "打过去|打钱|划给|划转|划到|划拨|拨给|过户|捐|移交|退还|退款|退给|提现|充值|专到|专给|汇(?=[^率总报编合聚集成])|转(?=[^,]{0,8}\\d)|"
        "发[^,]{0,6}(?:红包|\\d+块|块钱|元)|给[^,]{1,10}(?:打|转|汇|发)[^,]{0,4}(?:\\d|[一二两三四五六七八九十百千万]+(?:块|元|万|千))|"
        "今天就打|transfer|让渡|赠与|赠送|交接给|还给|还清|还款|代付|垫付",
    ),
    (
        "delete",
        "[删山珊闪册][除出厨]|[删珊册山]掉|删光|删库|删干净|清一下|清一清|清了|删了|删去|删|清空|清除|清理|清掉|清干净|抹掉|抹除|抹去|销毁|移除|移出|丢弃|扔掉|扔了|卸载|擦除|擦掉|"
        "粉碎|格式化|剔除|去掉|干掉|解散|销户|注销|珊了|珊掉|珊除|册除|踢出|truncate|drop|delete|rm -rf|remove|wipe|purge|毁掉|扬了|丢掉|"
        "倒掉|烧掉|摘除|铲掉|剪除|除名|拉黑|退群|作废掉",
    ),
    (
        "modify",
        "[修休][改该]|[改该概](?=[成为]\\S)|更改|改成|改为|改到|改名|改回|改一下|改下|改掉|改了|改(?![天日革善进良观编])|更正|更新|更换|调整|调成|调到|调高|调低|调至|设成|设为|"
        "设置(?=为|成|到|[^,]*[为成])|设定(?=为|成|[^,]*为)|换成|换个|换一|换掉|换为|换到|换(?=\\w)|重置|提高到|提高(?!你|一下你|自己|我的|效率|质量|水平|能力)|降低到|降低|降到|降为|上调|下调|变更|编辑|重命名|提升到|延长到|"
        "缩短到|升级|加到|减到|推迟到|延后到|提前到|挪到|update|modify|修正|纠正|切换|切到|调(?=\\d)|翻倍|改(?!天|日再|革|善|进|良|观|编自)",
    ),
)
_ALTERNATIVES: Final = "|".join(f"(?P<{action}>{words})" for action, words in _VERBS)
_HEADS: Final = "dfkmoprstuw上下专丢中交亭今付代令休作使修倒停充全关册冲减切划删剔剥剪加升卸去发取变吊垫复官封山干废延强彻打扔扬抹拉拔拨拿挪挺捐换掉推提摘撤擦支收改断更替杀权格概款毁汇没注清澈烧熄特珊电盖砖禁租移税粉纠终给统编缩缴翻覆观解让设该调负费资赚赠踢转过还退都重钥铲销闪降除顶"
"""Every character that such a verb may begin with: most places of a text are passed over by a look at one."""
_VERB = re.compile(f"(?=[{_HEADS}])(?:{_ALTERNATIVES})")
_LOOKS: Final = re.compile(r"\(\?<?[=!][^()]*\)|\?P<\w+>")
TRIGGERS: Final = compile_regex(_LOOKS.sub("", _ALTERNATIVES))
"""Whether a text holds any such verb, in one pass: RE2 knows no look-around, so it lets a few more through."""

_POLITE = re.compile(
    r"^(?:[^,把吗?]{0,4}(?:天|晚|末|午|点|前|会儿?))?(?:能不能|可不可以|能否|可否|可以|能|是否可以|是否能|方便的话|麻烦|劳驾|请问能|请问可以|会)(?:请|帮|把|将|给|你|您|麻烦|立刻|马上|"
    r"现在|直接|先|让|用|替|转|删|关|改|撤|取消|停|重置|付|更|立即|移|清|覆|汇|吊|为|在|从|尽快|全)"
)
_COURTESY = re.compile(
    r"^(?:能不能|可不可以|能否|可否|可以|请你|请您|请|麻烦你|麻烦您|麻烦|劳驾|烦请|帮忙|帮我|帮|给我|替我|我要求|我要|我想要|我想让你|我想|"
    r"我需要你|我需要|我希望你|我希望|你|您|先|再|然后|接着|之后|最后|直接|立刻|马上|立即|现在|今晚|快|赶紧|赶快|尽快|就|去|都|那就|那|好的|好|嗯|"
    r"务必|必须|应当|应该|需要|得|要|顺便|顺手|同时|并且|并|而后|随后|并把|干脆|全部|统统|一律|永久|彻底|强制|能|等下|待会|"
    r"好了|行|来|后|完|了|也|还|老子要|咱们|咱|一下|依次|逐个|即刻|授权你|命令你|你来|今天|明天|下班前)+[\s,]*"
)
_NO = re.compile(
    r"不要|不用|别(?!的|人|处|名|墅|管|等|再问|废话|犹豫|磨|问|提醒|啰|拦)|勿|甭|憋|禁止|严禁|不许|不准|不得|不能|不可(?!逆)|不应|不该|不必|不需|无需|不想|"
    r"避免|防止|以免|从来没|从没|没(?!人|用过|动过|问题|事|关系|来|付|还|交|签)有?|没有?让|没叫|没要|没说|未经|不会|不(?=[删改关转付覆撤停汇换修更清移重卸抹销吊收注格])|没法|无法|谁也不|什么都不|绝不|"
    r"确保[^,]{0,8}不|暂不|先不|拒绝|不再|不是|并非|未(?!使用|用|读|命名|付|登录|激活)"
)
_ASKS = re.compile(
    r"怎么|怎样|怎麽|咋|如何|什么|啥|为何|为什么|哪|谁|多少|几(?:个|段|种|天|次|步)|是不是|要不要|该不该|有没有|会不会|值不值|能不能用|"
    r"是否(?!可以|能)|何时|多久|多大|吗|呢$|讲一下|思路|详解|用法|没有$|没$|区别|原理|含义|意思|要紧|安全吗|好不好|行不行|对不对|能不能(?!帮|把|请|给|将)|难道|为啥|"
    r"后果|影响|步骤|方法|教程|流程|解释|讲讲|讲一讲|介绍|说明一下|教我|教教|告诉我|说说|复杂度|还能|还是"
)
_FRAME = re.compile(
    r"^(?:请|麻烦|帮我|帮忙|能|可以|能否|给我|你)*(?:用\w{1,14}?(?:(?<!覆)(?<!重)写|实现|画|做)|写(?!入|到|进)|编写|实现|补全|翻译|判断|改写|润色|解释|介绍|"
    r"总结|概括|评述|评价|分析|比较|讲|说明|描述|列举|列出|举|查找|搜索|找一下|找出|推荐|续写|仿写|造句|起草|生成|设计|编一|想个|"
    r"给[^,]{1,20}(?:写|想|起|取|加注释)|数数|数一数|统计|排序|复述|背诵|朗读|谈谈|聊聊|科普|论述|证明|计算|模拟|扮演|假装|把[^,]{0,16}(?:翻译|译成|改写|"
    r"润色|排序|缩写|扩写)|为[^,]{1,16}写|拟一|画|提取|对比|看看|查一下|创建一个|定义|调试|测试报错|报错)"
)
_MATERIAL = re.compile(
    r"^(?:请|帮我|麻烦|把)*(?:翻译|译成|解释|总结|概括|润色|改写|判断|分析|分类|续写|校对|补全|改错|把[^:]{0,12}(?:翻译|译成|改写|转成|改成)|"
    r"这[^:]{0,12}(?:SQL|sql|代码|句|条|段)|[^:]{0,8}(?:日志|报错|标题|原文|译文|例句|邮件内容))[^:]*:"
)
_WORDING = re.compile(
    r"作文|求职信|简历|自我介绍|演讲稿|稿子|发言稿|第[一二三四五六七八九十\d]+段|这段话|这句|句子|语气|措辞|形容词|副词|文章|段落|字数|标点|错别字|病句|修辞|论文|结尾|开头|比喻|"
    r"诗|文案|口吻|语法|用词|这个词|成语|摘要|引言|人称|时态|歌词|小说|剧本|这篇|段文字|文风|大纲"
)
_REPORT = re.compile(
    r"(?<!我)(?:说(?!明|的)|建议|听说|据说|传闻|提示|劝|传言|宣布|声称|认为|表示|报道|通知[^,]{0,6}让|(?<!所)有人|某人|让用户|打算|准备|计划|想要(?=把?他))"
)
_OTHERS = re.compile(
    r"^(?:他|她|它|他们|她们|对方|人家|据|老板(?=让|叫|要)|老师|儿子|女儿|孩子|昨天|上周|去年|刚才|之前|上次|刚刚)(?!的|们的|用|被|那)"
)
_IF = re.compile(r"^(?:如果|假如|要是|倘若|假设|若|万一|一旦|当|每当|的话)|的话$|(?:之后|以后|以前|之前|时候|的时候)$")
_UNDO = re.compile(
    r"^(?:帮我|请|把|给我|先|能|可以)*[^,]{0,10}(?:(?:取消|撤销|撤回|放弃)[^,]{0,6}(?:关机|删除|转账|停机|重启|覆盖|更新|修改|更改|操作)|恢复|找回|撤回[^,]{0,6}(?:转|删|发|改)|"
    r"还原|回滚|重新启动|重新打开|追回|复原|救回|取回)|误删|误改|被(?:删|覆|收|撤|移|关|吊|停|改)[^,]{0,6}的"
)
_DONE_BEFORE = re.compile(
    r"(?:已经|已|刚刚?|早就|昨天(?!的)|上周(?!的)|去年(?!的)|曾|不小心|误|被|\d{4}年(?!的)|(?:以前|之前)(?!的|把|将|请))[^,]{0,16}$|自动$"
)
_NOUN_AFTER = re.compile(
    r"^(?:率|坪|图|费|键|按钮|功能|记录|机制|政策|学习|定价|突变|期|命令|操作是|日志|原因|手续费|通知|权利要求|语句|函数|方法|接口|速度|限额|"
    r"牛顿|数$|量|面积|范围|片段|算法|协议|问题|模式|条款|和|与|或|是|的|过|之夜|流程|规则|密码学|行|说明|风险|属性|undefined|电阻|观$|观了)"
)
_CLAUSES = re.compile(r"[,:;、]\s*|[\n]+|\s{2,}")
_SUBJECT = re.compile(
    r"^(?:我|我们|他|她|他们|(?!用|拿|以|按|从|在|替|给)[^,把将]{1,6})(?:把|将)[^,]*(?<!得)了(?:,|$)|^(?:我|我们|咱们)(?:把|将|刚|已|都|早|昨|\d|在)?[^,]{0,14}了|^(?:我|我们|他|她|他们|咱们)的[^,把]*了$"
)

Found = tuple["Action", str, str]


def introduces_material(sentence: str) -> bool:
    """Return whether what follows is a text to be worked on, such as after `翻译成德语:`."""
    return _MATERIAL.match(sentence) is not None


_TOPIC = re.compile(
    r"的(?:题|命令|方法|方式|办法|过程|操作|区别|步骤|代码|函数|程序|功能|按钮|新闻|故事|原因|影响|思路)$"
)
_UNDONE = re.compile(r"没(?!让|叫|要|说|请)[^,的]{1,8}的")
_TOLD = re.compile(r"^了(?!吧|啊|呗|$|得了)")
_MODAL = re.compile(r"能不能|可不可以|行不行|好不好")


def order_in(sentence: str, text: str) -> Found | None:
    """Return the action, the clause and the rule's name of the first order in a folded sentence."""
    del text
    polite = _POLITE.match(sentence) is not None
    chained = _chained(sentence)
    if _FRAME.match(sentence) and not chained:
        return None
    if _REPORT.search(sentence[:40]) and not polite:
        return None
    if not polite and (sentence.endswith("?") or (not chained and _ASKS.search(sentence))) and not _assent(sentence):
        return None
    weaker: Found | None = None
    for part in _CLAUSES.split(sentence):
        clause = part.strip(" .!?。;…~")[:MAX_CLAUSE_CHARS]
        found = _order(clause, polite=polite) if clause else None
        if found is not None and found[0] != "modify":
            return found
        weaker = weaker or found
    return weaker


def _chained(sentence: str) -> bool:
    return re.search(r"[,;](?:然后|再|接着|之后|随后|就|并|全|都|把|将)", sentence) is not None


def _assent(sentence: str) -> bool:
    return re.search(r"[,;\s](?:好吗|行吗|可以吗|好不好|谢谢|谢了|麻烦了|麻烦你了|辛苦了)\W*$", sentence) is not None


def _order(clause: str, *, polite: bool) -> Found | None:
    if (
        _NO.search(_UNDONE.sub("", _MODAL.sub("能", clause)))
        or _TOPIC.search(clause)
        or _FRAME.match(clause)
        or _WORDING.search(clause)
        or _UNDO.search(clause)
        or _IF.search(clause)
    ):
        return None
    if not polite and (_OTHERS.match(clause) or _ASKS.search(clause)):
        return None
    if polite and re.search(r"怎么|如何|怎样|教我|告诉我|什么", clause):
        return None
    bare = _COURTESY.sub("", clause)
    if (
        not polite
        and _SUBJECT.match(clause if clause.startswith("我") else bare)
        and not clause.startswith(("我要", "我想", "我需要", "我希望"))
    ):
        return None
    for found in _VERB.finditer(clause):
        after, before = clause[found.end() :], clause[: found.start()]
        if _NOUN_AFTER.match(after) or _DONE_BEFORE.search(before) or _is_told(before, after):
            continue
        action = found.lastgroup
        return action, clause, f"zh:{action}"  # pyright: ignore[reportReturnType]
    return None


def _is_told(before: str, after: str) -> bool:
    """Return whether somebody named before the verb did it: `法院撤销了...`."""
    who = _COURTESY.sub("", before)
    return _TOLD.match(after) is not None and who != "" and re.search(r"把|将|给我|帮|给", before) is None
