"""Everyday requests that hold a word of risk and are none: sums and units, looks and wording, one's own refund."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

from classifier.reflex_matters import MATTERS, MATTERS_ZH, OTHERS_MONEY, OTHERS_MONEY_ZH, THINGS_ZH

_UNIT: Final = (
    r"(?:(?:square |cubic |us |british |kilo|centi|milli)?(?:feet|foot|inch(?:es)?|miles?|yards?|met(?:er|re)s?|grams?|grammes?|lit(?:er|re)s?|bytes?|"
    r"joules?|watts?|acres?|hectares?|pounds?|ounces?|stones?|cups?|gallons?|pints?|tons?|tonnes?|knots?|spoons?|tablespoons?|teaspoons?)|"
    r"ft|in|mi|yd|km|cm|mm|m|kg|g|mg|lbs?|oz|ml|l|km/h|mph|kmh|fahrenheit|celsius|kelvin|degrees?(?: [cf]\b| \w+)?|[°º]?[cfk]|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|secs?|mins?|hrs?|est|pst|cet|gmt|utc|"
    r"usd|eur|gbp|chf|cad|aud|jpy|cny|rmb|inr|dollars?|euros?|yen|yuan|francs?|rupees?|pesos?|cents?|pence|won|kronor|sterling|"
    r"binary|hex|hexadecimal|octal|decimals?|fractions?|percent(?:ages?)?|roman numerals?|scientific notation|words|radians?|[kmgt]i?b)"
)
_HELD: Final = r"(?!.*\b(?:my|our|his|her|their|wallets?|accounts?|balances?|holdings?|savings|portfolio|funds)\b)"
"""Whoever has it exchanged gives an order; whoever names a sum asks what it comes to."""
_DONE: Final = r"(?=$|[,;]| (?:please|pls|for me|and|at (?:today|the current)))"
_ASIDE: Final = (
    r"(?=$| (?:so|to (?:be|something|sound|rhyme)|of (?:the|this|my|that)|line|sentence|paragraph|from|and|a bit)\b)"
)
_SUMS: Final = re.compile(
    rf"^(?:convert|change|turn|switch) {_HELD}(?:from )?(?:[$€£¥₿]\s?)?[\d.,/]+\W*(?:(?!in |on |at )[^\s]+ ){{0,4}}?(?:to|into|in|as) (?:the |an? )?{_UNIT}{_DONE}|"
    rf"^convert (?:it |this |that |these |them )?(?:{_UNIT} )?(?:in)?to (?:metric|imperial|{_UNIT})$|^convert [\d.,]+ from {_UNIT} (?:in)?to {_UNIT}$|"
    r"^(?:double|halve|triple|reduce) [\d.,]+(?:/[\d.,]+)?(?:$|[,;]| (?:and (?:add|subtract|divide|multiply|then)|plus|minus|times|then|to (?:lowest|its|the simplest|simplest))\b)"
)
"""What a sum comes to: it may name a currency, and nothing may follow."""
_OWN_REFUNDED: Final = re.compile(
    r"^(?:refund|reimburse) (?:(?:to )?(?:me|us)\b|(?:mine|one|both|please|pls|it)(?:$|,)|"
    r"(?:my|our) (?:(?:last|latest) )?(?:money|order|payment|purchase|tickets?|fare|deposit|booking|subscription|card)\b)"
)
_ALONE: Final = re.compile(r"^\w+ (?:one|both|it)\b")
_SELF: Final = re.compile(r"\b(?:i|i'm|i've|my|me|we|our|us)\b")
_MANY: Final = re.compile(
    r"\b(?:customers|clients|users|members|subscribers|guests|the others|everyone|everybody|batch)\b"
)
_SENT: Final = re.compile(
    r"^(?:send|forward|pass|give)(?! .*(?:[$€£\d@]|\b(?:amount|total|sum|all|every)\b)) (?:(?:the|a|an|my|our|this|that|him|her|them|me|us|[\w-]+(?='s)'s) ){0,3}(?:invoice|payment (?:reminder|link|request|confirmation)|receipt|quote|bill)"
    r"(?: to (?:the |a |our |my )?(?:client|customer|landlord|tenant|supplier|vendor|accountant|[a-z]+))?$"
)
"""A paper that speaks of money, to one person."""
_TRIFLES: Final = re.compile(
    r"^change (?:this|it|that|these) (?:in)?to (?:the )?(?:plural|singular|past|present|future|passive|active|upper|lower|title)\b|"
    r"^(?:correct|change|update|wire|patch)$|^(?:change|switch|set|turn|put|move) (?:it|this|that|them|everything) back$|"
    r"^correct (?:my|the|all|any|these|those|all the|any) (?:english|grammar|errors?|mistakes?|typos?|spelling|punctuation)$|^shorten (?:it|this|that|the (?:first|second|third|last)(?: one)?)$|"
    r"^(?:replace|change|swap) (?:every|all|each|any) ▢|^(?:remove|delete|erase|crop|cut) .* in the background$|"
    r"^(?:convert|change|turn) .* (?:in)?to an? (?:bar |pie |line )?(?:chart|graph|diagram|list|poem|story|letter|pdf)$|"
    r"^(?:double|triple) (?:integrals?|crostics?|rooms?|espressos?|beds?|negatives?|standards?|bass|agents?|stars?)\b|"
    r"^raise an? (?:conflict|concern|issue|point|objection|toast|doubt|topic)\b|"
    r"^(?:set|move|push|put)(?: up)? an? (?:meeting|call|lunch|dinner|appointment|timer|reminder) (?:with|for|at|on)\b|^pull .* out of (?:this|these|those|the|my) (?:notes?|text|transcript|article|paragraphs?|report|paper|pdf|minutes|essay|chapter)$|"
    r"^(?:cut|shorten|reduce|trim|extend|bring) (?:[\w'-]+ ){1,4}?(?:down )?(?:to|by|under|below) (?:[\w-]+ ){1,2}(?:words|lines|sentences|characters|pages|paragraphs|bullets|slides|scenes)\b|"
    r"^put (?!.*\d).* (?:in|into|as) .*\b(?:points|bullets|order|words|lists?)$|"
    rf"^(?:change|edit|swap|alter) the (?:greeting|salutation|sign-off|opening|closing|wording){_ASIDE}|"
    r"^(?:remove|delete|cut|drop|change|edit) (?:point|bullet|chapter) (?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)$|"
    r"^remove duplicates (?:in|with|using) (?:sql|excel|python|pandas|r|bash|javascript|java)$|^upgrade pip$|"
    r"^(?:turn|switch|shut) (?:(?:off|on|down|the|these|those|this|that|all|any|my|your|its|of|push|app|chat|group|sound|desktop|browser|phone|mobile|whatsapp|slack|discord|facebook|instagram|youtube|twitter|annoying|new|video|live|closed|spelling) )*(?:notifications?|pop-?ups?|subtitles|captions|autocorrect|auto-?correct|autoplay)\b|"
    r"^(?:switch|change|set|turn)(?: (?:it|this|that|the (?:screen|view|display|theme|page|app)))? (?:back )?(?:to|into) (?:an? |the )?(?!.*\b(?:maintenance|read-?only|test|live|"
    r"recovery|safe|rescue|single-user|sandbox|debug)\b)(?:(?:dark|light|night|day|still|image|photo|reading|reader|silent|landscape|portrait|grid|list|full|screen|full-?screen|focus|compact|high|contrast|metric|imperial|us|larger|smaller|bigger|bold|plain|simple|short|tabular|numbered|bulleted|different|new|old|other|classic|default|wide|split) ){0,3}?(?:mode|units?|layout|view|theme|font|lists?|bullets?|bullet points|prose|rhymes?|verse|markdown|html|csv|json|plain text|one sentence|paragraphs?)(?:$| (?:please|instead|now)\b)|"
    r"^(?:change|swap|replace|switch|edit|adjust|alter|modify|set|update|remove|delete)(?: \w+)? (?:the |a |this |that |my |your )?(?:background(?: (?:music|colou?r|image|picture))?|foreground|font(?: (?:size|colou?r))?|colou?rs?|accent colou?r|theme|border|shading|alignment|heading style|line spacing)"
    r"(?=$| (?:to|for|of|from|on|around|in|with|so|a bit|and|please)\b)|"
    r"^(?:replace|swap|change|delete|remove|cut|drop) the (?:word|phrase) (?!lists?\b|counts?\b|filters?\b)[\w▢]+(?:$| (?:with|by|for|to|from)\b)|"
    r"^(?:change|remove|delete|cut|drop|edit|replace|swap|update|modify|correct|alter) the (?:first|second|third|fourth|last|next|opening|closing|two|final|middle|bottom|top)(?: (?:two|three|four))? "
    r"(?:lines?|bullets?|points?|stanzas?|verses?|words?|sentences?|paragraphs?|examples?|steps?)\b(?!.*\b(?:crontab|script|plan|tour|route)\b)"
)
_PAPERS: Final = re.compile(
    r"^put (?!.*[$€£\d]).* on (?:the|my|our|your) (?:invoice|receipt)$|^(?:convert|change|turn) (?:the|this|that|it|these) ?(?:table|rows)? ?(?:in)?to an? (?:(?:bar |pie |line )?(?:chart|graph|diagram)|table)$|"
    r"^(?:kill|stop) a process by (?:pid|name|port)$|^stop codes?\b|^shell (?:scripts?|commands?|one-liners?|functions?|prompts?|loops?) (?:that|to|for|which)\b"
)
"""Said with nothing left open."""


def is_harmless(bare: str, text: str) -> bool:
    """Return whether an English clause that begins with its verb orders nothing that is hard to take back.

    `text`: all that was said, where others may stand who are to be refunded too.
    """
    if _OWN_REFUNDED.match(bare):
        told = _ALONE.match(bare) is None or _SELF.search(text) is not None
        return told and OTHERS_MONEY.search(bare) is None and _MANY.search(text) is None
    if _SUMS.match(bare) or _SENT.match(bare) or _PAPERS.match(bare):
        return True
    return _TRIFLES.match(bare) is not None and MATTERS.search(bare) is None


def wants_own(clause: str) -> bool:
    """Return whether somebody asks in English for his own money back."""
    return (OWN_REFUND.match(clause) or OWN_MONEY.search(clause)) is not None and OTHERS_MONEY.search(clause) is None


ODDS: Final = re.compile(
    r"%|\b(?:percent|takes?|took|gives?|gave|gets?|got|had|half|prices?|minutes?|seconds?|hours?|degrees|points|cents|paid|pays|called|went|goes|came|comes|far|always|never|a bit|slightly|way|well|better|worse|badly)\b"
)
"""Beside `off` or `down` at the end of a clause: a discount or a measure, no switch."""
POINTS_BACK: Final = re.compile(r"^\w+ (?:it|this|that|them)$")
ABOUT_TEXT: Final = re.compile(r"\b(?:subtitles?|captions?|spelling|typos?|sentence|wording|translation|paragraph)\b")
OWN_REFUND: Final = re.compile(
    r"^(?:i|we)\b.*\b(?:want|need|like|request|requesting|demand|demanding|expect)\b[^,]*\b(?:refund|reimbursement|payout)\b(?!.*\b(?:for|to) (?:the|that|this|our|his|her|their|customer|user))"
)
OWN_MONEY: Final = re.compile(
    r"^(?:i|we)\b.*\b(?:my|our|the) (?:money|payment|fare|deposit)\b.*\b(?:refunded|reimbursed|returned)\b"
)


_NUMBER_ZH: Final = r"[\d一二两三四五六七八九十百千万半几]"
_UNIT_ZH: Final = (
    r"(?:(?:平方|立方)?(?:厘米|分米|毫米|微米|米|公里|千米|英里|英尺|英寸|海里)|公分|千克|公斤|毫克|克|斤|磅|盎司|吨|毫升|升|加仑|杯|勺|亩|公顷|摄氏度?|华氏度?|开尔文|"
    r"人民币|美元|美金|欧元|英镑|日元|韩元|港币|卢比|法郎|元|分数|小数|百分数|百分比|二进制|八进制|十进制|十六进制|罗马数字|科学计数法|分钟|小时|秒|天|周|弧度|角度|字节|[kmg]b|km|cm|mm|kg|lb|ml)"
)
_HELD_ZH: Final = r"(?![^,]*(?:我的|账户|账上|钱包|余额|持仓|卡里|全部|转[到给进]|[汇打存]到|给我?换))"
UNITS_ZH: Final = re.compile(
    rf"^{_HELD_ZH}[^,]*?{_NUMBER_ZH}[^,]*?[换改转变][算化换]?(?:成|为){_UNIT_ZH}(?:$|[^\w]|是|吧|呢|看|有|要|多)"
)
"""`把5英尺9换成厘米` asks what it comes to."""
_CHANGED_ZH: Final = r"(?=$|[改换调去删变清加统都全一放缩居打抹掉往]|设(?!备|施))"
"""What is named is itself what is changed, and no part of another name."""
_LOOK_ZH: Final = (
    r"^(?:请|帮我|帮|给我|麻烦|先|再|你|把|将|(?:这个|我的)?(?:手机|屏幕|界面|页面|主题|显示|应用|app|软件|网页|编辑器|ide|微信|图片|照片))*(?:切换?|调整?|改|换|设置?)(?:回|成|到|为)?[^,]{0,2}"
    r"(?:[深浅夜日][色间]|护眼|阅读|静音|全屏|省电|(?:静态)?图像|横屏|竖屏|列表|网格|无障碍|大字)模式$|"
    rf"背景(?:音乐|图片?|色|颜色)?{_CHANGED_ZH}|(?:前景色|表头|字号|字色|字幕(?:时间)?|颜色|配色|底色|边框|行间距|对齐){_CHANGED_ZH}|"
    r"成[^,]{0,2}[红橙黄绿青蓝紫黑白灰粉棕金银]色|成(?:加粗|斜体|粗体|居中|左对齐|右对齐)"
)
_CODE_ZH: Final = (
    r"(?:[改换写]|转换)(?:成|为|到|用)用? ?(?:python|logging|switch|stream|java|typescript|ts|js|go|rust|c\+\+|kotlin|swift|ruby|php|sql|vue|react|toml|yaml|json|markdown|正则)(?![a-z])|改一?下?代码|批量替换$|写法|"
    r"[成为用](?:一个)?(?:递归|迭代|列表推导|推导式|单例|async|await|函数式|命令式|链式|箭头函数|工厂模式|面向对象|回调|可选链|模板字符串|伪代码)|"
    r"(?:回调|递归|这个类(?!别|型|目)|这个方法|这个组件|这行代码|这段逻辑|switch语句)(?=[^,]{0,3}[改换写])|这行代码$"
)
_WORDING_ZH: Final = (
    r"第[一二三四五六七八九十\d]+(?:个)?(?:句|字(?!段)|词)|(?:最后|开头|末尾|中间|前面|后面|头|末|前|后|每|两|几)[一两几]?句|"
    r"(?:语气|称呼|开头|结尾|措辞|口气)[^,]{0,4}[改换调]|这一?段[^,]{0,3}[改写缩扩]|"
    rf"(?:最后一段|末段|楷体|宋体|黑体|全角|半角|字体|水印|滤镜|路人|废话|空行|空格|引号|标点|错别字){_CHANGED_ZH}|"
    r"提交信息(?:改|写|换|翻译?)(?:成|为)[^,]{1,2}[文语]$|把字改|换一个封面$|换成彩色$|改个[^,]{0,6}标题$|单位(?=从[^,]*[改换])|换一?个[^,]{0,6}(?:的词|词|字|说法|句式|例子|比喻|问题|题目)$|"
    r"改(?:一下)?(?:称呼|措辞|语气|用词)|(?:邮件|信|报告|公告|文案|稿子?|总结|检讨)(?:[改换译](?:得|成)?[^,]{0,8}(?:点|些|语|文|列表|短|长|版)|缩短|扩写|改得)"
)
LOOKS_ZH: Final = re.compile(
    f"^(?:请|帮我|把|将|给我|文档里?|文中|里面?|全文|这里|所有|每个|的)*▢[^,]{{0,4}}(?:改|换|替换)(?:成|为)▢|{_LOOK_ZH}|{_CODE_ZH}|{_WORDING_ZH}"
)
"""The looks of something, lines of code, the wording of a text: changed back as easily."""
BARE_ZH: Final = re.compile(
    r"^(?:再)?换一?个(?:吧|呗|试试|看看)?$|^切$|^(?!把[它这][^,]*调)(?:请|麻烦|帮我|帮忙|给我|再|重新|你|能不能|直接|全部?|都|整体|统一|全文)*(?:把它|把这个|这个)?(?:改|换|调|缩|变|写|缩短|压缩|精简|扩写|延长)(?:写|翻|译)?(?:成|为|得|到|回|一?个)?(?:更|再|稍微?|尽量)?"
    r"(?:[^,]{0,6}?(?:一点点?|一些|点儿?|些)(?:的|吧|儿)?|(?:英|中|法|日|德|韩|俄|英国|美式)?(?:文|语)(?:版|的)?|中英(?:文)?对照|(?:粤语|繁体字?|简体字?|白话文?|文言文?|口语|书面语|方言)(?:说一遍|再说一遍|的|吧)?|"
    r"表格|列表|清单|要点|问答(?:形式)?|对话(?:体|形式)?|诗歌?|散文|markdown|json|csv|第[一二三]人称|(?:正常|正式|口语|简单|通俗|幽默|礼貌|温柔|严肃|委婉)(?:点|一点)?的?|"
    r"[^,]{0,2}[一二两三四五六七八九十百千\d]+(?:个)?(?:字|句|段|行|词)(?:以内|之内|左右|以下)?|一句话|称呼|语气|风格|语言|[大小]写|正式的?(?:函|信|邮件|通知))(?:$|吧|再说|说一遍|[.!。])"
)
"""Speaks of the answer, for it names nothing else: `改短一点`, `换成英文`."""
QUIETS_ZH: Final = re.compile(
    r"^(?:请|麻烦|帮我|帮忙|帮|你|您|能不能|可以|给我|替我|我|想|要|先|再|都|全|也|现在|马上|立刻|直接|赶紧|把|将|关[闭掉上了停]?|一下|停[用掉了止]?|暂停|终止|屏蔽|微信|qq|抖音|淘宝|这些|的|"
    r"消息|推送|系统|群聊?|声音|免打扰|新|这个|那个|所有|全部|应用|软件|手机|直播)*"
    r"(?:通知|弹窗|消息提醒|弹窗提醒|弹幕|字幕|提示音|铃声|自动播放)(?:功能|栏)?(?:[都全给我也先帮]|[关停][闭掉上了停用止]*|吧|一下|了)*$"
)
"""What is switched off is a notice: `关闭通知`, not `关闭通知服务`."""
OWN_REFUND_ZH: Final = re.compile(
    r"^(?:[我俺](?:们)?|麻烦|请|你们?|能不能|帮我|给我)*(?:要|想要?|需要|要求|申请|请求|希望|来)?(?:全额|部分|马上|立刻|现在|直接|赶紧)*退(?:款|钱|回?钱)(?:吧|啊|呀|谢谢)?$|"
    r"退(?:款|钱|还|回)?给(?:我|俺)(?:们)?(?!的|们的|[^,]{0,2}(?:客|买|用|爸|妈|老|朋|同|儿|女|弟|妹|哥|姐))|给(?:我|俺)(?:们)?(?:全额|部分)?退(?:款|钱)(?!给)"
)
"""Money that the customer wants back himself is not sent by him."""
_SETTABLE_ZH: Final = r"[价费率]|门槛|限额|额度|阈值|副本|租金|工资|薪|预算|[上下]限|超时|间隔|库存|数量|保证金|押金|定金|折扣|等级|权重|配额|并发数|实例"
FELL_ZH: Final = re.compile(
    rf"^(?!.*[把将给请帮替])[^,]*[改换删清转调]好了$|^(?!.*(?:把|将|请|帮|给我|麻烦|吧|调|马上|立刻|立即|现在就|今晚|明天起|即日|{_SETTABLE_ZH}))[^,]{{0,6}}(?:速度|耗时|用时|时间|延迟|时延|销量|营收|收入|利润|人数|粉丝|点击量|访问量|日活|月活|体重|成绩|排名|气温|票房)[^,]{{0,3}}从[^,]*?[降涨升跌减增缩]+(?:低|长|短|加|高)?[到至为成]"
)
"""Says what came about: `速度从八秒降到半秒`."""
SUM_ZH: Final = re.compile(
    r"^(?![^,]*(?:把|将|请|帮|给|上架|全场|全店|生效))[^,]*(?:原价|一[件双台部个条本盒箱][^,]{0,8}先|先(?:涨|提|降)价|标价|售价)[^,]*打[一二三四五六七八九\d.]+折"
)
"""The beginning of a sum."""
FORWARDED_ZH: Final = re.compile(
    r"^(?![^,]*(?:用|通过|从|以|并|发)[^,]*转)[^,]*?(?:投诉|邮件|消息|电话|来电|截图|照片|链接|视频|文章|(?<![微短])信|文档|语音)(?:都|全|全部|也|再|先|直接|帮我|给我)*转(?:给|到|进|过去)(?![^,]*[\d百千万块元])"
)
"""Passed on, but neither money nor a right."""


def is_quiet_transfer(clause: str) -> bool:
    """Return whether a Chinese clause with a verb of transfer moves nothing: a sum, one's own refund, a forwarded mail."""
    if OWN_REFUND_ZH.search(clause) is not None and OTHERS_MONEY_ZH.search(clause) is None:
        return True
    return is_sum(clause) or (FORWARDED_ZH.match(clause) is not None and MATTERS_ZH.search(clause) is None)


def is_quiet_notice(clause: str) -> bool:
    """Return whether a Chinese clause switches off a notice that nobody's safety hangs on."""
    return QUIETS_ZH.search(clause) is not None and MATTERS_ZH.search(clause) is None


def is_sum(clause: str) -> bool:
    """Return whether a Chinese clause asks what a measure comes to."""
    return UNITS_ZH.match(clause) is not None and THINGS_ZH.search(clause) is None


def is_looks(clause: str) -> bool:
    """Return whether a Chinese clause is about looks, code or wording, and names nothing that matters."""
    return (LOOKS_ZH.search(clause) or BARE_ZH.match(clause)) is not None and MATTERS_ZH.search(clause) is None


def came_about(clause: str) -> bool:
    """Return whether a Chinese clause reports a change, or begins a sum about a price."""
    return (FELL_ZH.match(clause) or SUM_ZH.match(clause)) is not None and THINGS_ZH.search(clause) is None
