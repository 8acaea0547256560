"""Everyday requests that hold a word of risk and are none: sums and units, looks and wording, one's own refund."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

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
HARMLESS: Final = re.compile(
    rf"^(?:convert|change|turn|switch) {_HELD}(?:from )?(?:[$€£¥₿]\s?)?[\d.,/]+\W*(?:[^\s]+ ){{0,4}}?(?:to|into|in|as) (?:the |an? )?{_UNIT}(?!\w)|"
    rf"^convert (?:it |this |that |these |them )?(?:{_UNIT} )?(?:in)?to (?:metric|imperial|{_UNIT})$|^convert [\d.,]+ from {_UNIT}|"
    r"^convert (?:csv|json|xml|yaml|toml|html|markdown|pdf|png|jpe?g|svg|mp[34]|wav|docx?|xlsx?|python ?[23]?)\b|"
    r"^change (?:this|it|that|these) (?:in)?to (?:the )?(?:plural|singular|past|present|future|passive|active|upper|lower|title)|"
    r"^(?:correct|change|update|wire|patch)$|^(?:change|switch|set|turn|put|move) (?:it|this|that|them|everything) back$|"
    r"^correct (?:my|the|all|any|these|those|all the|any) (?:english|grammar|errors?|mistakes?|typos?|spelling|punctuation)$|^shorten (?:it|this|that|the (?:first|second|third|last)(?: one)?)$|"
    r"^(?:replace|change|swap) (?:every|all|each|any) ▢|^put (?!.*[$€£\d]).* on (?:the|my|our|your) (?:invoice|receipt)$|^(?:remove|delete|erase|crop|cut) .* in the background$|"
    r"^(?:convert|change|turn) .* (?:in)?to an? (?:bar |pie |line )?(?:chart|graph|diagram|list|poem|story|letter|pdf)$|"
    r"^stop codes?\b|^shell (?:scripts?|commands?|one-liners?|functions?|prompts?|loops?)\b|^(?:double|triple) (?:integrals?|charges?|crostics?|rooms?|espressos?|beds?|negatives?|standards?|bass|agents?|stars?)\b|"
    r"^(?:downgrade|replay|overwrite|reset|update|transfer|delete|kill) (?:attacks?|chains?)\b|^zero (?:knowledge|day|trust|sum|tolerance)\b|^raise an? (?:conflict|concern|issue|point|objection|toast|doubt|topic)\b|"
    r"^(?:set|move|push|put)(?: up)? an? (?:meeting|call|lunch|dinner|appointment|timer|alarm|reminder) (?:with|for|at|on)\b|^pull .* out of (?:this|these|those|the|my)\b|^turn (?!.*\b(?:read-only|admin|owner)\b)[\w ]+ into [\w ]+ (?:with|for|that)\b|"
    r"^(?:send|forward|pass|give|push)(?! .*(?:[$€£\d]|\b(?:amount|total|sum)\b)) (?:[\w'-]+ ){0,4}?(?:invoices?|payment (?:reminders?|links?|requests?|details|confirmations?|advice)|bank details|receipts?|quotes?|bills?)\b(?! (?:payments?|money|amount))|"
    r"^(?:cut|shorten|reduce|trim|extend|bring) (?:[\w'-]+ ){1,4}?(?:down )?(?:to|by|under|below) (?:[\w-]+ ){1,2}(?:words|lines|sentences|characters|pages|paragraphs|bullets|slides|scenes)\b|"
    r"^(?:cut|reduce|lower|halve|shorten) (?:the )?(?:latency|cold starts?|churn|build times?|load(?:ing)? times?|memory usage|complexity|boilerplate)\b|"
    r"^put (?!.*[$€£\d]).* (?:in|into|as) .*\b(?:points|bullets|order|words|tables?|lists?|rows)\b|"
    r"^replace (?:the |all (?:the )?)?(?:names?|pronouns?|words?|numbers?) with (?:initials|letters|placeholders|x|asterisks|pseudonyms|synonyms|words|digits)\b|^(?:change|edit|swap|alter) the (?:greeting|salutation|sign-off|opening|closing|wording|order of the (?:chapters|words|sentences|paragraphs|steps))\b|"
    r"^(?:remove|delete|cut|drop|change|edit) (?:point|item|bullet|section|chapter|step|number) (?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)$|"
    r"^(?:\w+|turn off|shut down|clear) (?!.*\b(?:my|our|his|her|their|this|that|these|those|all|now|please|prod|production|the)\b)(?:an? )?[\w -]{2,40} (?:in|with|using|on) (?:sql|git|linux|bash|vim|excel|word|python|java|javascript|chrome|firefox|safari|windows(?: \d+)?|macos|android|ios|"
    r"mysql|postgres(?:ql)?|pandas|powershell|photoshop|google (?:docs|sheets)|outlook|gmail|r|css|html|react|typescript|emacs|vscode|vs code)$|"
    r"^(?:kill|stop|delete|rename|replace|reset|remove|restart|turn off|shut down|uninstall|format) an? (?!.*\b(?:named|called|my|our|his|her|their|this|that|from|for|of|\d+|old|dead|stuck|hung|hanging|failed|failing|broken|idle|unused|stale|orphan\w*|leaked|running|duplicate|prod|production|staging)\b)[a-z -]{3,40}(?:$|,? step by step)|^upgrade pip$|"
    r"^(?:double|halve|triple|reduce) [\d.,]+(?:/[\d.,]+)?(?:$|[,;]| (?:and|plus|minus|times|then|to (?:lowest|its|the simplest|simplest))\b)|"
    r"^(?:refund|reimburse) (?:(?:to )?(?:me|us)(?!\w| \w+ customer)|mine|one|both|please|pls|it$|"
    r"(?:my|our) (?:money|order|payment|purchase|tickets?|fare|deposit|last|booking|subscription|card)\b)(?!.*\bto (?:the|our|his|her|their|that|this)\b)|"
    r"^(?:turn|switch|shut) (?:[\w'-]+ ){0,5}?(?:notifications?|pop-?ups?|subtitles|captions|autocorrect|auto-?correct|autoplay)\b"
    r"(?! (?:server|service|system|worker|job|api|queue|pod|daemon|container)s?\b)|"
    r"^(?:switch|change|set|turn)(?: (?:it|this|that|the (?:screen|view|display|theme|page|app)))? (?:back )?(?:to|into) (?:an? |the )?(?!.*\b(?:maintenance|read-?only|production|prod|test|staging|live|"
    r"admin|recovery|safe|rescue|single-user|backup|sandbox|debug)\b)(?:[\w'-]+ ){0,3}?(?:mode|units?|layout|view|theme|font|tables?|lists?|bullets?|bullet points|prose|rhymes?|verse|markdown|html|csv|json|plain text|one sentence|paragraphs?)(?:$| (?:please|instead|now)\b)|"
    r"^(?:change|swap|replace|switch|edit|adjust|alter|modify|set|update|remove|delete)(?: \w+)? (?:the |a |this |that |my |your )?(?:background(?! (?:job|task|process|service|worker|sync|check|image|file|picture|video|app|data))|foreground|font|colou?rs?|accent colou?r|theme|border|shading|alignment|heading style|line spacing)\b|"
    r"^(?:replace|swap|change|delete|remove|cut|drop) the (?:word|phrase)s? \w+|"
    r"^(?:change|remove|delete|cut|drop|edit|replace|swap|update|modify|correct|alter) the (?:first|second|third|fourth|last|next|opening|closing|two|final|middle|bottom|top)(?: (?:two|three|four))? "
    r"(?:lines?|bullets?|points?|stanzas?|verses?|words?|sentences?|paragraphs?|examples?|steps?)\b(?!.*\b(?:file|config|table|database|crontab|log|script|plan|server|tour|route|hosts|production|staging)\b)"
)
"""What begins so orders nothing that is hard to take back."""
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
_LOOK_ZH: Final = (
    r"(?:[深浅夜日][色间]|护眼|阅读|静音|全屏|省电|(?:静态)?图像|横屏|竖屏|列表|网格|无障碍|大字)模式|"
    r"背景(?!任务|进程|作业|服务|调查|同步|音乐服务)|前景色|表头|字号|字色|字幕|颜色|配色|底色|边框|行间距|对齐|"
    r"成[^,]{0,2}[红橙黄绿青蓝紫黑白灰粉棕金银]色|成(?:加粗|斜体|粗体|居中|左对齐|右对齐)"
)
_CODE_ZH: Final = (
    r"(?:[改换写]|转换)(?:成|为|到|用)用? ?(?:python|logging|switch|stream|java|typescript|ts|js|go|rust|c\+\+|kotlin|swift|ruby|php|sql|vue|react|toml|yaml|json|markdown|正则)|改一?下?代码|批量替换$|写法|回调(?![到至价])|递归(?=[^,]{0,3}[改换写])|[成为](?:递归|迭代)|列表推导|推导式|单例|async|await|函数式|命令式|链式|箭头函数|工厂模式|面向对象|"
    r"这个类(?!别|型|目)|这个方法|这个组件(?=[改换写])|这行代码|这段逻辑|伪代码|模板字符串|可选链|switch语句"
)
_WORDING_ZH: Final = (
    r"第[一二三四五六七八九十\d]+(?:个)?(?:句|字(?!段)|词)|(?:最后|开头|末尾|中间|前面|后面|头|末|前|后|每|两|几)[一两几]?句|"
    r"(?:语气|称呼|开头|结尾|措辞|口气)[^,]{0,4}[改换调]|这一?段[^,]{0,3}[改写缩扩]|最后一段|末段|提交信息|楷体|宋体|黑体|全角|半角|字体|把字改|换一个封面|换成彩色|水印|滤镜|路人|废话|空行|空格|引号|标点|错别字|话剧|改个[^,]{0,6}标题|单位(?=从[^,]*[改换])|换一?个[^,]{0,6}(?:的词|词|字|说法|句式|例子|比喻|问题|题目)|"
    r"改(?:一下)?(?:称呼|措辞|语气|用词)|(?:邮件|信|报告|公告|文案|稿子?|总结|检讨)(?:[改换译](?:得|成)?[^,]{0,8}(?:点|些|语|文|列表|短|长|版)|缩短|扩写|改得)"
)
LOOKS_ZH: Final = re.compile(
    f"^(?:请|帮我|把|将|给我|文档里?|文中|里面?|全文|这里|所有|每个|的)*▢[^,]{{0,4}}(?:改|换|替换)(?:成|为)▢|{_LOOK_ZH}|{_CODE_ZH}|{_WORDING_ZH}"
)
"""The looks of something, lines of code, the wording of a text: changed back as easily."""
STORED_ZH: Final = re.compile(r"文件|目录|字段|库|服务器|数据|记录|磁盘|存储桶|硬盘")
"""What is kept somewhere is more than looks: `把水印图片文件夹删掉`."""
BARE_ZH: Final = re.compile(
    r"^(?:再)?换一?个(?:吧|呗|试试|看看)?$|^切$|^(?:请|麻烦|帮我|帮忙|给我|再|重新|你|能不能|直接|全部?|都|整体|统一|全文)*(?:把它|把这个|这个)?(?:改|换|调|缩|变|写|缩短|压缩|精简|扩写|延长)(?:写|翻|译)?(?:成|为|得|到|回|一?个)?(?:更|再|稍微?|尽量)?"
    r"(?:[^,]{0,6}?(?:一点点?|一些|点儿?|些)(?:的|吧|儿)?|(?:英|中|法|日|德|韩|俄|英国|美式)?(?:文|语)(?:版|的)?|中英(?:文)?对照|(?:粤语|繁体字?|简体字?|白话文?|文言文?|口语|书面语|方言)(?:说一遍|再说一遍|的|吧)?|"
    r"表格|列表|清单|要点|问答(?:形式)?|对话(?:体|形式)?|诗歌?|散文|markdown|json|csv|第[一二三]人称|(?:正常|正式|口语|简单|通俗|幽默|礼貌|温柔|严肃|委婉)(?:点|一点)?的?|"
    r"[^,]{0,2}[一二两三四五六七八九十百千\d]+(?:个)?(?:字|句|段|行|词)(?:以内|之内|左右|以下)?|一句话|称呼|语气|风格|语言|[大小]写|正式的?(?:函|信|邮件|通知))(?:$|吧|再说|说一遍|[.!。])"
)
"""Speaks of the answer, for it names nothing else: `改短一点`, `换成英文`."""
QUIETS_ZH: Final = re.compile(
    r"(?:消息|推送|系统|群|声音|弹窗|免打扰|新|这个|那个|所有|全部|应用|软件|手机|直播)*(?:通知|弹窗|消息提醒|弹窗提醒|弹幕|字幕|提示音|铃声|自动播放)"
    r"(?:[的都全给我也先帮]|功能|栏)*(?:$|[关停]|吧|一下|了)"
)
"""What is switched off is a notice: `关闭通知`, not `关闭通知服务`."""
OWN_REFUND_ZH: Final = re.compile(
    r"^(?:[我俺](?:们)?|麻烦|请|你们?|能不能|帮我|给我)*(?:要|想要?|需要|要求|申请|请求|希望|来)?(?:全额|部分|马上|立刻|现在|直接|赶紧)*退(?:款|钱|回?钱)(?:吧|啊|呀|谢谢)?$|"
    r"退(?:款|钱|还|回)?给(?:我|俺)(?:们)?(?!的|们的|[^,]{0,2}(?:客|买|用|爸|妈|老|朋|同|儿|女|弟|妹|哥|姐))|给(?:我|俺)(?:们)?(?:全额|部分)?退(?:款|钱)(?!给)"
)
"""Money that the customer wants back himself is not sent by him."""
_SETTABLE_ZH: Final = r"[价费率]|门槛|限额|额度|阈值|副本|租金|工资|薪|预算|[上下]限|超时|间隔|库存|数量|保证金|押金|定金|折扣|等级|权重|配额|并发数|实例"
FELL_ZH: Final = re.compile(
    rf"^(?!.*[把将给请帮替])[^,]*[改换删清转调]好了$|^(?!.*(?:把|将|请|帮|给我|麻烦|吧|调|马上|立刻|立即|现在就|今晚|明天起|即日|{_SETTABLE_ZH}))[^,]*从[^,]*?[降涨升跌减增缩]+(?:低|长|短|加|高)?[到至为成]"
)
"""Says what came about: `速度从八秒降到半秒`."""
SUM_ZH: Final = re.compile(
    r"^(?![^,]*(?:把|将|请|帮|给|上架|全场|全店|生效))[^,]*(?:原价|一[件双台部个条本盒箱][^,]{0,8}先|先(?:涨|提|降)价|标价|售价)[^,]*打[一二三四五六七八九\d.]+折"
)
"""The beginning of a sum."""
FORWARDED_ZH: Final = re.compile(
    r"(?:投诉|邮件|消息|电话|来电|截图|照片|链接|视频|文章|信|文档|语音)[^,]{0,3}转(?:给|到|进|过去)"
)
"""Passed on, but neither money nor a right."""
