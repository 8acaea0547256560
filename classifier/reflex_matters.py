"""What matters: a clause that names it is never taken for an everyday request, whatever else it looks like."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

MATTERS: Final = re.compile(
    r"[$€£¥₿]\s?\d|@|\b(?:users?|customers?|clients?|accounts?|members?|subscribers?|patients?|students?|employees?|staff|tenants?|landlord|suppliers?|vendors?|sellers?|buyers?|guests?|contacts?|leads|"
    r"(?<!in )(?<!alphabetical )(?<!reverse )orders?(?! of)|payments?|payouts?|payroll|balances?|money|cash|funds?|treasury|wallets?|savings|salar(?:y|ies)|wages?|prices?|pricing|rates?|rents?|budgets?|bids?|auctions?|deposits?|loans?|"
    r"[\d,.]+ ?(?:usd|eur|gbp|chf|dollars?|euros?|pounds|yuan|rmb|yen|btc|eth)|bitcoins?|crypto|shares|stocks?|transactions?|invoices?|bookings?|contracts?|"
    r"own(?:er|ers|ership)|rights?|permissions?|access|roles?|admins?|administrators?|root|passwords?|credentials?|secrets?|(?:api |ssh |private |access |encryption )?keys?(?! points?| takeaways?| messages?)|tokens?|certs?|certificates?|licen[cs]es?|logins?|sessions?|"
    r"data|databases?|dbs?|datasets?|tables?|rows?|records?|columns?|schemas?|index(?:es)?|quer(?:y|ies)|migrations?|servers?|services?|production|prod|staging|clusters?|pods?|nodes?|containers?|instances?|vms?|hosts?|replicas?|shards?|"
    r"pipelines?|deploy\w*|releases?|builds?|jobs?|queues?|cron\w*|process(?:es)?|daemons?|workers?|kubernetes|k8s|docker|kafka|redis|mysql|postgres\w*|mongo\w*|repositor(?:y|ies)|repos?|branch(?:es)?|git|commits?|force[- ]push\w*|namespaces?|"
    r"disks?|drives?|volumes?|partitions?|buckets?|storage|backups?|snapshots?|archives?|devices?|machines?|equipment|alarms?|alerts?|fire|smoke|sirens?|emergency|security|monitor(?:s|ing)|sensors?|cameras?|watchdogs?|"
    r"pumps?|valves?|reactors?|furnaces?|boilers?|turbines?|generators?|motors?|engines?|compressors?|conveyors?|robots?|presses|cranes?|centrifuges?|elevators?|heat(?:er|ers|ing)|cool(?:er|ers|ing)|ventilat\w+|ventilators?|respirators?|"
    r"pacemakers?|infusions?|dialysis|medical|medications?|insulin|oxygen|dos(?:e|es|age|ages)|doors?|gates?|locks?|traffic|signals?|grid|plant|firewalls?|iptables|routers?|routing|network|gateways?|dns|vpn|proxy|ports?|websites?|"
    r"limits?|quotas?|thresholds?|voltage|pressure|temperature|speed|power|timeouts?|rollouts?|e?-?mails?|mailbox(?:es)?|inbox(?:es)?|files?|folders?|director(?:y|ies)|logs?|configs?|config\w+|groups?(?! chats?)|teams?(?= from)|policies|rules|webhooks?|callbacks?|domains?|systems?)\b"
)
MACHINES: Final = re.compile(
    r"\b(?:pumps?|valves?|reactors?|furnaces?|boilers?|turbines?|generators?|motors?|engines?|compressors?|conveyors?|robots?|cranes?|ventilators?|heaters?|alarms?|servers?|clusters?|firewalls?|prod|production)\b"
)
OTHERS_MONEY: Final = re.compile(
    r"\b(?:customers?|clients?|users?|accounts?|members?|guests?|subscribers?|buyers?|students?|patients?|tenants?|landlord|suppliers?|vendors?|sellers?|batch|all|every\w*|others?|people|them|him|her|each|orders?(?= to)|\d{2,})\b|"
    r"\bto (?!me\b|us\b|my\b|our (?:account|card|bank)|the (?:original|same) (?:card|account)|lowest)"
)
"""A refund that is not, or not only, one's own."""

_SUM_ZH: Final = r"(?:\d|[一二两三四五六七八九十百千万半几]+)(?:\d|[.,一二两三四五六七八九十百千万])*(?:块|元|毛|刀|美元|美金|欧|英镑|日元|港币|卢比|枚|个币)|转\D{0,8}\d"
_THINGS_ZH: Final = (
    r"用户|客户|顾客|会员|买家|卖家|商家|租户|患者|病人|员工|学员|订阅者|账[户号单]|帐[户号]|订单|工单|交易|付款|支付|收款|余额|钱|资金|款|基金|股[票权份]|工资|薪|租金|押金|[学话租电水网房会]费|钱包|卡里|账上|发票|合同|"
    r"所有权|产权|版权|著作权|专利|权[限利益]|[读写]权|授权|管理员|管理组|群组|角色|身份|密[码钥]|令牌|证书|凭[证据]|数据|[库仓]|[户单据志日数]表|表(?=删|清|全|都|$)|记录|字段|索引|分区|服务|生产|线上|集群|节点|容器|实例|副本|pod|prod|进程|线程|任务|作业|队列|接口|部署|流水线|发布|"
    r"分支|git(?!提交信息)|强制?推|推送到|命名空间|[磁硬光]盘|盘(?=$|删|清)|存储|备份|快照|归档|设备|设施|系统(?!通知|消息)|报警|告警|预警|警报|警铃|火[灾警情]|消防|烟[雾感]|漏[水电气]|监控|监测|安全|安防|门禁|摄像|回调(?:通知|地址|接口)|"
    r"(?<![手司随耳照待])机(?![会制票场型遇构密])|(?<!浏览)(?<!编辑)(?<!播放)(?<!阅读)器(?!官)|泵|阀|炉|闸|塔|罐|锅|管道|管线|电站|电网|反应堆|呼吸|输液|透析|起搏|剂量|药|灯(?![光会笼])|航标|防火墙|路由|网络|网关|域名|端口|"
    r"限[速额流制]|额度|配额|阈值|门槛|上限|下限|电[压流源]|供电|功率|压力|温度|转速|流量|邮箱|收件箱|已发|发件|文件(?!里|中)|目录|配置|策略|规则|交易所|银行|币安"
)
THINGS_ZH: Final = re.compile(_THINGS_ZH)
"""All that matters, sums apart: in a sum that is only worked out they are what it is about."""
MATTERS_ZH: Final = re.compile(f"{_SUM_ZH}|{_THINGS_ZH}")
OTHERS_MONEY_ZH: Final = re.compile(
    r"客户|用户|顾客|买家|会员|商家|租户|学员|所有|全部(?!退|款|费|金)|每[个位笔单人]|各[位家]|大家|整?批|[\d一二三四五六七八九十百千]+[个单笔位名]|房东|供应商|余额|账户里的|转给"
)
