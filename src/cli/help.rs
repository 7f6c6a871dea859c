//! Help in Chinese: every text of the command line beside its English, which stands at the command itself and
//! is the key here. A test holds that none is missing and none is left over.

mod graded;
mod snmp;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

/// Headings and the frame of a help page.
const TEMPLATE: &str = "{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}";

/// All texts.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.iter().chain(graded::TEXTS).chain(snmp::TEXTS).copied()
}

/// English, Chinese.
const TEXTS: &[(&str, &str)] = &[
    (
        "Fengsui (烽燧) watches a government network and tells its duty room what broke",
        "烽燧：监测政务网络，把故障告诉值班室",
    ),
    // Commands.
    (
        "Console and agent in one process; watches this machine at once",
        "管理中心与探针在同一进程内运行，立即监测本机",
    ),
    ("The console alone", "只运行管理中心"),
    ("An agent alone", "只运行探针"),
    (
        "Read settings, definitions and inventory as the daemon would; print every mistake",
        "按守护进程的方式读取配置、定义和台账，列出全部错误",
    ),
    ("The declared inventory: apply, export, diff, import", "台账：应用、导出、比较、导入"),
    ("Look at targets now, by any kind of probe", "立即监测目标，各种监测均可"),
    ("Graded protection: judge device configurations against GB/T 22239", "等级保护：按 GB/T 22239 核查设备配置"),
    (
        "Judge configurations of devices, or a Linux host; exit 1 if a check fails, 3 if one could not be judged",
        "核查设备配置或 Linux 主机；有不符合项时退出码为 1，有未能核查项时为 3",
    ),
    ("Judge this machine instead", "改为核查本机"),
    (
        "With --host: directory that holds a system's files, such as a mounted image [default: /]",
        "与 --host 同用：存放系统文件的目录，如挂载的镜像 [默认：/]",
    ),
    ("User of the device", "设备的用户名"),
    ("File with its password, or with its private key in OpenSSH's form", "存放口令或 OpenSSH 格式私钥的文件"),
    ("Fingerprint of its key that you have compared, SHA256:...", "已核对的主机密钥指纹 SHA256:..."),
    ("Outdated algorithm that is needed, such as ssh-rsa (repeat for more)", "需要的旧算法，如 ssh-rsa，可多个"),
    ("Saved configuration, or a captured session (repeat for more)", "保存的配置或会话记录，可多个"),
    (
        "Command language: huawei-vrp, huawei-vrp8, h3c-comware, h3c-comware5, cisco-ios, ruijie-rgos [default: recognised]",
        "命令语言：huawei-vrp、huawei-vrp8、h3c-comware、h3c-comware5、cisco-ios、ruijie-rgos [默认：自动识别]",
    ),
    ("Protection level: l2, l3, or a profile of your own", "保护等级：l2、l3，或自定义方案"),
    (
        "Directories of checks that overlay the shipped ones [default: /etc/fengsui/baseline]",
        "覆盖内置检查项的目录 [默认：/etc/fengsui/baseline]",
    ),
    ("How to print: table, or json (one object a check)", "输出格式：table 表格，json 每个检查项一个对象"),
    (
        "What a check asks for: clause, commands by dialect, defaults, sources, tests",
        "说明一个检查项：条款、各类设备的命令、默认值、来源、用例",
    ),
    ("Check, such as D06", "检查项，如 D06"),
    (
        "Read the policy and run the tests that its checks carry; exit 2 if something is wrong",
        "读取检查项并运行其自带用例；有错误时退出码为 2",
    ),
    ("Working calendars: list and show them, import a year's holidays", "工作日历：列出、查看，导入一年的节假日"),
    (
        "List working calendars: open now or not, and for which years their holidays are known",
        "列出工作日历：现在是否工作时间、已有哪些年份的节假日",
    ),
    (
        "Show the hours of a calendar day by day; exit 1 if holidays of a year that is shown are not known",
        "逐日显示工作时间；所示年份没有节假日安排时退出码为 1",
    ),
    (
        "Make a definition of a year's holidays out of a table (CSV, XLSX) or the text of the notice",
        "用表格（CSV、XLSX）或放假通知的原文生成一年的节假日定义",
    ),
    ("Calendar", "工作日历"),
    (
        "Count only what is within this working calendar; organisation = that of each link's own, sla = that within which its SLA counts",
        "只统计此工作日历的工作时间；organisation 为各链路所属单位的，sla 为各链路 SLA 所考核的",
    ),
    ("First day, such as 2027-01-01 [default: today]", "起始日期，如 2027-01-01 [默认：今天]"),
    ("How many days", "天数"),
    ("File with one day a row, or with the notice", "每行一天的表格，或放假通知"),
    ("Set of holidays that calendars name", "节假日集名称，供工作日历引用"),
    ("Year, where the file does not say it", "年份，文件中没有写时给出"),
    (
        "Write it below this directory, in calendars/holidays-SET-YEAR.toml, instead of printing it",
        "写入此目录下的 calendars/holidays-集名-年份.toml，不写则输出到屏幕",
    ),
    ("Which addresses of a range answer, and what they are", "发现：某范围内哪些地址有应答、是什么设备"),
    ("Incidents: list them and handle them", "事件：列出与处理"),
    ("Links: what they came to over a month", "链路：一个月的统计"),
    ("Maintenance windows: list, announce, agree to, end", "维护窗口：列出、登记、复核、结束"),
    ("API tokens", "API 令牌"),
    ("Named secrets: SNMP communities and users, logins, tokens", "凭据：SNMP 团体名与用户、登录密码、令牌"),
    ("Accounts of people, and one-time sign-in links", "用户账号与一次性登录链接"),
    ("Enrolment of agents", "探针注册"),
    ("Ask one SNMP agent: get, walk", "查询一台 SNMP 设备：get、walk"),
    (
        "Receive syslog there, over UDP and TCP (repeat for more), such as [::]:514",
        "在此地址通过 UDP 和 TCP 接收日志（可重复），如 [::]:514",
    ),
    ("Syslog: print what comes in, list what the console keeps", "日志：显示收到的，列出管理中心保存的"),
    (
        "Receive lines over UDP and TCP and print them, until Ctrl-C; nothing is kept",
        "通过 UDP 和 TCP 接收日志并显示，按 Ctrl-C 结束；不保存",
    ),
    (
        "Address and port for UDP and TCP; [::]:514 for both families",
        "UDP 和 TCP 的地址与端口；[::]:514 兼收 IPv4、IPv6",
    ),
    (
        "Receiver that is believed when it says whose line it passes on (repeat for more)",
        "可信的转发者：它转来的日志以其中注明的来源为准（可重复）",
    ),
    ("SNMP traps and informs: print what comes in", "SNMP 陷阱与通知：显示收到的"),
    (
        "Receive traps and informs of SNMP and print them, until Ctrl-C; nothing is kept",
        "接收 SNMP 陷阱与通知并显示，按 Ctrl-C 结束；不保存",
    ),
    ("Address and UDP port; [::]:162 for both families", "地址与 UDP 端口；[::]:162 兼收 IPv4、IPv6"),
    (
        "Receiver that is believed when it says whose trap it passes on (repeat for more)",
        "可信的转发者：它转来的陷阱以其中注明的来源为准（可重复）",
    ),
    ("Receive SNMP traps there (repeat for more), such as [::]:162", "在此地址接收 SNMP 陷阱（可重复），如 [::]:162"),
    ("List lines and traps that the console keeps, newest first", "列出管理中心保存的日志，最新的在前"),
    (
        "Words in any order; part of a Chinese text, the beginning of other words",
        "要搜的词，不分先后；中文可写任意片段，其他词可只写开头",
    ),
    ("Of this asset", "此资产的"),
    ("From this address", "来自此地址"),
    ("Of senders that are no address of an asset", "来源不是任何资产地址的"),
    (
        "At least this bad: emergency, alert, critical, error, warning, notice, info, debug",
        "级别不低于：emergency、alert、critical、error、warning、notice、info、debug",
    ),
    ("Not before this time (RFC 3339)", "起始时间（RFC 3339）"),
    ("Before this time (RFC 3339)", "截止时间（RFC 3339）"),
    (
        "Answer STAMP and TWAMP Light, for delay and loss of each direction",
        "应答 STAMP 与 TWAMP Light，供对端分方向测时延与丢包",
    ),
    ("Answer STAMP and TWAMP Light, until Ctrl-C", "应答 STAMP 与 TWAMP Light，按 Ctrl-C 结束"),
    ("Serve SNMP recordings as devices", "用 SNMP 录制文件模拟设备"),
    ("Play a scenario of faults on simulated devices", "在模拟设备上演练故障场景"),
    ("Completions for a shell, on stdout", "输出命令行补全脚本"),
    ("Manual pages, into a directory", "把手册页写入目录"),
    (
        "Print what files would add, change and remove, and apply it in one transaction",
        "显示文件将新增、变更、删除的内容，并在一个事务中应用",
    ),
    ("Print what files would add, change and remove", "显示文件将新增、变更、删除的内容，不应用"),
    (
        "Read a spreadsheet (XLSX, or CSV in UTF-8 or GBK): print what it would add and change and which rows are bad",
        "读取表格（XLSX，或 UTF-8、GBK 编码的 CSV），显示将新增、变更的资产和有问题的行",
    ),
    ("Write an empty spreadsheet with the headings that are known", "生成带表头的空白表格模板"),
    (
        "Print what a device last said of itself: ports, sensors, neighbours, tables",
        "输出设备最近一次自述：端口、传感器、邻居与各表",
    ),
    ("Asset: its id", "资产：其编号"),
    ("Print the declared inventory as TOML", "以 TOML 输出台账"),
    (
        "List incidents, newest first; open and acked ones unless --state or --all",
        "列出事件，新的在前；不加 --state 或 --all 时只列未受理和已受理的",
    ),
    ("Show one incident with its timeline and symptoms", "显示一个事件及其时间线、衍生事件"),
    (
        "Acknowledge an incident: until it changes, unless --for or --sticky",
        "受理事件；不加 --for 或 --sticky 时，有变化即失效",
    ),
    ("End an acknowledgement", "取消受理"),
    ("Assign an incident", "派单"),
    ("Resolve an incident by hand", "手工置为已恢复"),
    ("Close a resolved incident", "关闭已恢复的事件"),
    ("Add a note to an incident", "给事件加备注"),
    (
        "Make a token; it is printed once, alone on the last line of stdout",
        "生成令牌；只显示一次，单独在标准输出的最后一行",
    ),
    ("List tokens, never their values", "列出令牌，不显示其值"),
    ("Revoke a token", "吊销令牌"),
    ("Set a secret; its value is read from stdin or --file", "保存凭据；值从标准输入或 --file 读取"),
    (
        "Set a secret; its value is read from stdin or --file\n\nsnmp-v1, snmp-v2c: the community. snmp-v3: the authentication key, and on a second line the privacy key (both absent for a user without authentication). login: the password. token: the token. ssh: the password, or a private key in OpenSSH's form.",
        "保存凭据；值从标准输入或 --file 读取\n\nsnmp-v1、snmp-v2c：团体名。snmp-v3：第一行认证密钥，第二行加密密钥（用户不认证时都不写）。login：密码。token：令牌。ssh：口令，或 OpenSSH 格式的私钥。",
    ),
    ("List names and types, never values", "列出名称和类型，不显示值"),
    ("Remove a secret", "删除凭据"),
    ("Seal all secrets again under a new key", "用新密钥重新封存全部凭据"),
    (
        "On the console: make a one-time token for an agent; printed alone on the last line of stdout",
        "在管理中心：为探针生成一次性令牌，单独在标准输出的最后一行",
    ),
    (
        "On the agent's node: fetch a certificate with a token; the token is read from stdin or --token-file",
        "在探针节点：凭令牌领取证书；令牌从标准输入或 --token-file 读取",
    ),
    ("List agents: declared, enrolled, last heard", "列出探针：台账、注册时间、最近联系"),
    ("Revoke an agent's certificates", "吊销探针的证书"),
    ("Ask for exactly these OIDs", "读取指定的 OID"),
    ("Ask for everything below an OID", "读取某 OID 之下的全部内容"),
    ("Say which profile a device has, and why", "判断设备适用哪个模板，并说明原因"),
    (
        "Read a device by its profile: ports, processors, memory, sensors, neighbours; exit 3 if something was cut",
        "按模板读取设备：接口、CPU、内存、传感器、邻居；有内容不完整时退出码为 3",
    ),
    ("Time for all of it", "总时限"),
    (
        "Make an account; the first password is read from stdin or --password-file, and changed at the first sign-in",
        "添加用户；初始密码从标准输入或 --password-file 读取，首次登录时须修改",
    ),
    ("List accounts", "列出用户"),
    ("Lock an account and end its sessions", "锁定用户并结束其会话"),
    ("Unlock an account; failed sign-ins are forgotten", "解锁用户，清除登录失败记录"),
    (
        "Give an account a new password, read from stdin or --password-file; its sessions end",
        "重置用户密码；新密码从标准输入或 --password-file 读取，其会话全部结束",
    ),
    ("Remove an account with its sessions and saved views", "删除用户及其会话和保存的视图"),
    (
        "Make a sign-in link that works once, for 30 minutes; printed alone on the last line of stdout",
        "生成一次性登录链接，30 分钟内有效；单独在标准输出的最后一行",
    ),
    // Options that many commands have.
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    ("How to print: table or json (one object a line)", "输出格式：table 或 json（每行一个对象）"),
    (
        "Data directory of a console on this machine [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]",
        "本机管理中心的数据目录 [默认：$STATE_DIRECTORY ，否则 $XDG_STATE_HOME/fengsui ，否则 ~/.local/state/fengsui]",
    ),
    ("URL of a console elsewhere", "远程管理中心的 URL"),
    ("File that holds the API token for --url", "存放 API 令牌的文件，配合 --url"),
    (
        "CA certificate (PEM) to trust for --url instead of the system's",
        "CA 证书（PEM），配合 --url，代替系统的信任库",
    ),
    ("Settings file", "配置文件"),
    (
        "Directories of definitions that overlay the shipped ones [default: /etc/fengsui]",
        "定义目录，覆盖内置定义 [默认：/etc/fengsui]",
    ),
    (
        "Incident: its id, or as much of its beginning or end as tells it apart",
        "事件编号；可只写开头或结尾，能区分即可",
    ),
    ("Agent", "探针"),
    ("Name", "名称"),
    ("Why", "原因"),
    // up, console, agent.
    (
        "Data directory [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]",
        "数据目录 [默认：$STATE_DIRECTORY ，否则 $XDG_STATE_HOME/fengsui ，否则 ~/.local/state/fengsui]",
    ),
    (
        "Address of pages and API: plain HTTP on loopback, HTTPS elsewhere [default: 127.0.0.1:8080]",
        "页面与 API 的地址：环回地址用 HTTP，其他用 HTTPS [默认：127.0.0.1:8080]",
    ),
    ("Address for agents (mTLS) [default: 127.0.0.1:8443]", "探针接入地址（双向 TLS） [默认：127.0.0.1:8443]"),
    ("Inventory files to apply at the start and whenever they change", "台账文件，启动时及每次改动后应用"),
    (
        "Id of the agent in this process [default: the only declared one, else this host's name]",
        "本进程内探针的标识 [默认：台账中唯一的探针，否则本机名]",
    ),
    (
        "Add a simulated prefecture, in a data directory of its own [default: that of --data with -demo behind it]",
        "加入一个模拟的地区，使用单独的数据目录 [默认：--data 的默认值后加 -demo]",
    ),
    ("Data directory; prevails over the settings file", "数据目录，优先于配置文件"),
    ("Inventory files of a stand-alone agent, which has no console", "独立探针（无管理中心）的台账文件"),
    (
        "Directories of definitions that overlay the shipped ones (stand-alone agent) [default: /etc/fengsui]",
        "定义目录，覆盖内置定义（独立探针） [默认：/etc/fengsui]",
    ),
    // check.
    (
        "Directories or files with definitions and inventory; without any, those of the settings",
        "定义和台账的目录或文件；不写则用配置中的",
    ),
    ("Settings file of a console or an agent to check as well", "一并检查的管理中心或探针配置文件"),
    ("Say where each definition comes from", "显示每条定义的来源"),
    // inventory.
    ("TOML files; together they are one inventory", "TOML 文件，合为一份台账"),
    ("Remove what the files lack", "删除文件中没有的"),
    ("Also what the files lack", "也列出文件中没有的"),
    ("XLSX or CSV file", "XLSX 或 CSV 文件"),
    (
        "Apply the good rows in one transaction, with the secrets they bring",
        "在一个事务中应用没有问题的行，连同其中的凭据",
    ),
    ("Write the bad rows with what is wrong to this XLSX file", "把有问题的行和问题说明写入此 XLSX 文件"),
    (
        "Map a column by hand, such as C=location or C=ignore (repeat for more)",
        "手工指定列的含义，如 C=location、C=ignore，可多次使用",
    ),
    ("How to print: lines, or one JSON object with the whole preview", "输出格式：table 为逐行，json 为整个预览"),
    ("File to write; it must not be there yet", "要写入的文件，不得已存在"),
    ("How to print: the TOML itself, or one JSON object", "输出格式：table 为 TOML 原文，json 为一个对象"),
    // discover.
    (
        "Ranges such as 10.65.0.0/24, or single addresses; at most 1,024 addresses",
        "地址范围，如 10.65.0.0/24，或单个地址；最多 1024 个地址",
    ),
    (
        "SNMP v2c community to try, from this machine (repeat for more)",
        "要尝试的 SNMP v2c 团体名，由本机发现，可多次使用",
    ),
    (
        "Named secret of the console to try; its agent looks (repeat for more)",
        "要尝试的管理中心凭据，由其探针发现，可多次使用",
    ),
    ("Agent that looks, instead of this machine", "由哪个探针发现，代替本机"),
    ("UDP port of SNMP", "SNMP 的 UDP 端口"),
    (
        "TCP ports to try, with commas [default: 22,23,80,443,3389,8080]",
        "要尝试的 TCP 端口，用逗号分开 [默认：22,23,80,443,3389,8080]",
    ),
    ("Make assets of what was found and is none yet", "把发现的、台账中还没有的加入台账"),
    ("Zone of the addresses [default: the agent's, else extranet]", "地址所属网络 [默认：探针的，否则 extranet]"),
    ("Region of what is found [default: the agent's]", "所发现资产的区划 [默认：探针的]"),
    // probe.
    (
        "Kind of probe, such as icmp, tcp, http or dns; a wrong one lists all",
        "监测种类，如 icmp、tcp、http、dns；写错时列出全部",
    ),
    (
        "Hosts, HOST:PORT, URLs, or @ASSET of the --inventory; none for a kind that looks at its own host",
        "主机、主机:端口、URL，或 --inventory 中的 @资产；只看本机的种类不写",
    ),
    (
        "Read more targets from a file, one a line (# comments; - is stdin)",
        "从文件读取更多目标，每行一个（# 为注释，- 为标准输入）",
    ),
    ("Inventory file or directory, for @ASSET", "台账文件或目录，供 @资产 查找"),
    ("A setting of the kind, such as count=3 (repeat for more)", "该种类的设置，如 count=3，可多次使用"),
    ("Runs a target; 0 goes on until interrupted", "每个目标的次数；0 为一直到中断"),
    ("Time between the runs of a target", "同一目标两次之间的间隔"),
    ("Time after which a run is given up", "单次超时"),
    (
        "Say also with which settings, step by step, and what an agent would store",
        "同时显示所用设置、各步耗时，以及探针会存储的内容",
    ),
    ("SNMP v2c community", "SNMP v2c 团体名"),
    ("Speak SNMP v1 with the community", "用 SNMP v1"),
    ("SNMP v3 user, or the user of a login", "SNMP v3 用户，或登录用户"),
    (
        "Authentication protocol: md5, sha1, sha224, sha256, sha384, sha512",
        "认证协议：md5、sha1、sha224、sha256、sha384、sha512",
    ),
    ("Privacy protocol: des, aes128, aes192, aes256", "加密协议：des、aes128、aes192、aes256"),
    (
        "File with the password or authentication key and, on a second line, the privacy key (- is stdin)",
        "密钥文件：第一行口令或认证密钥，第二行加密密钥（- 为标准输入）",
    ),
    // incident.
    ("States: open, acked, resolved, closed", "状态：open 未受理、acked 已受理、resolved 已恢复、closed 已关闭"),
    ("All states", "全部状态"),
    (
        "At least this bad: critical, major, minor, warning, info",
        "最低级别：critical 紧急、major 重要、minor 次要、warning 提示、info 信息",
    ),
    ("About this object, such as asset:core-1", "对象，如 asset:core-1"),
    ("Of this problem", "问题"),
    ("Leave out symptoms of other incidents", "不列衍生事件"),
    ("At most so many", "最多条数"),
    ("What you say", "说明"),
    ("For so long, such as 2h", "有效时长，如 2h"),
    ("Until somebody ends it or the incident resolves", "直到取消受理或事件恢复"),
    ("To whom", "派给谁"),
    ("Take it away from whoever has it", "收回派单"),
    (
        "Why it happened: fibre_cut, device_fault, power_loss, planned_work, config_change, attack, false_alarm, other",
        "原因：光缆中断、设备故障、停电、割接、配置变更、攻击、误报、其他",
    ),
    ("Who was responsible", "责任方"),
    ("Words", "文字"),
    // topology.
    ("What devices say of their neighbours against the declared links", "拓扑：设备所述的邻居与登记链路的比对"),
    (
        "List what was found and what is declared, what differs first; exit 1 if anything is missing or on another port",
        "列出发现的与登记的连线，不符的在前；有未发现或端口不符的链路时退出码为 1",
    ),
    (
        "Only lines of this state: wrong_port, missing, extra, stranger, unseen, agrees",
        "只限此状态：wrong_port 端口不符、missing 未发现、extra 未登记、stranger 未知设备、unseen 无从得知、agrees 一致",
    ),
    (
        "Declare the link of a line, or give the declared one the ports that it was found on",
        "登记所发现的链路，或按所发现的更正登记链路的端口",
    ),
    ("Line: its id", "连线的编号"),
    ("Why, for the audit trail", "原因，记入审计"),
    // link, maintenance.
    (
        "Availability of links over a month: raw, without maintenance, promised, by responsible party; loss and round trip. It counts runs, so lost packets are missing from it too; loss and round trip leave maintenance out",
        "链路一个月的可用率：总体、不含维护、目标、按责任方；丢包率和时延。可用率按监测次数计，零星丢包也计入；丢包率和时延不含维护时段",
    ),
    ("Links; all if none is named", "链路；不写则为全部"),
    ("Only of this tier: backbone, metro, access", "只限此级别：backbone 骨干、metro 城域、access 接入"),
    ("Month, such as 2026-11 [default: this one]", "月份，如 2026-11 [默认：本月]"),
    (
        "Begin, instead of a month: RFC 3339, or local as in \"2026-11-01 00:00\"",
        "开始时间，代替月份：RFC 3339，或本地时间 \"2026-11-01 00:00\"",
    ),
    ("End, in the same way", "结束时间，写法相同"),
    (
        "List windows that are open, to come or to be agreed to; with --all those that are over too",
        "列出进行中、未开始、待复核的维护窗口；加 --all 时含已结束的",
    ),
    ("Those that are over too", "含已结束的"),
    (
        "Announce maintenance: incidents are marked, and availability is told without it too",
        "登记维护窗口：期间的事件加标记，可用率另按不含维护统计",
    ),
    (
        "Objects, such as link:aks-wushi, asset:core-1 or region:652901 with all in it",
        "对象，如 link:aks-wushi、asset:core-1，或 region:652901（含其中全部）",
    ),
    ("What is done", "维护内容"),
    (
        "Begin: RFC 3339, or local as in \"2026-11-29 01:00\" [default: now]",
        "开始时间：RFC 3339，或本地时间 \"2026-11-29 01:00\" [默认：现在]",
    ),
    ("How long, such as 4h, instead of an end", "时长，如 4h，代替结束时间"),
    ("It comes again at the same local time: day or week", "按同一本地时间重复：day 每天、week 每周"),
    ("It comes again until then, a year at most", "重复的截止时间，最长一年"),
    (
        "Only for this problem, such as link-down (repeat for more) [default: all]",
        "只限此问题，如 link-down，可多次使用 [默认：全部]",
    ),
    ("Agree to a window as the second person", "作为第二人复核维护窗口"),
    (
        "Window: its id, or as much of its beginning or end as tells it apart",
        "维护窗口编号；可只写开头或结尾，能区分即可",
    ),
    ("End a window now, or call it off", "立即结束或取消维护窗口"),
    // token, secret, enroll.
    ("Name [default: the role and a number]", "名称 [默认：角色加编号]"),
    ("Role: admin, operator, viewer, metrics", "角色：admin 管理员、operator 值班员、viewer 只读、metrics 指标采集"),
    ("Only these regions and those below them", "只限这些区划及其下级"),
    ("Stops working after so long, such as 90d [default: never]", "有效期，如 90d [默认：长期]"),
    ("Type: snmp-v1, snmp-v2c, snmp-v3, login, token, ssh", "类型：snmp-v1、snmp-v2c、snmp-v3、login、token、ssh"),
    ("User name (snmp-v3, login, ssh)", "用户名（snmp-v3、login、ssh）"),
    (
        "Authentication protocol (snmp-v3): md5, sha1, sha224, sha256, sha384, sha512",
        "认证协议（snmp-v3）：md5、sha1、sha224、sha256、sha384、sha512",
    ),
    ("Privacy protocol (snmp-v3): des, aes128, aes192, aes256", "加密协议（snmp-v3）：des、aes128、aes192、aes256"),
    ("Context name (snmp-v3)", "上下文名（snmp-v3）"),
    ("Read the value from this file instead of stdin", "从此文件而不是标准输入读取"),
    ("Region it is bound to", "绑定的区划"),
    // user.
    ("Name to sign in with", "登录名"),
    ("Name for people, such as 张三 [default: the name to sign in with]", "姓名，如 张三 [默认：登录名]"),
    ("Role: admin, operator, viewer", "角色：admin 管理员、operator 值班员、viewer 只读"),
    ("Only these regions and those below them (not for admin)", "只限这些区划及其下级（管理员不可限定）"),
    ("Read the password from this file instead of stdin", "从此文件而不是标准输入读取密码"),
    ("Stops working after so long", "有效期"),
    (
        "The console's address for agents, such as https://10.65.0.2:8443",
        "管理中心的探针接入地址，如 https://10.65.0.2:8443",
    ),
    (
        "SHA-256 fingerprint of the console's CA, as `enroll token` printed it",
        "管理中心 CA 的 SHA-256 指纹，由 `enroll token` 给出",
    ),
    ("File that holds the token", "存放令牌的文件"),
    ("The agent's data directory", "探针的数据目录"),
    // stamp.
    ("Address and UDP port; the standard's port 862 needs a privilege", "地址和 UDP 端口；标准端口 862 需要特权"),
    ("File with the key; then only what is signed with it is answered", "密钥文件；指定后只应答用此密钥认证的报文"),
    ("Network to answer, instead of everybody (repeat for more)", "只应答此网段，可多次使用；不写则应答所有来源"),
    ("Packets a second that one address may send", "每个来源地址每秒最多报文数"),
    // simulate, replay, completions, man.
    (
        "A recording (.snmprec), or a directory of them, served in order of their names",
        "录制文件（.snmprec）或其目录，按文件名顺序分配地址",
    ),
    (
        "First address and how far to count, such as 127.1.0.1/24:1161; without :PORT it is 161",
        "起始地址和范围，如 127.1.0.1/24:1161；不写端口为 161",
    ),
    (
        "Serve one recording at so many addresses, as a load target (v1 and v2c)",
        "同一录制文件用于这么多个地址，作为压力测试目标（v1、v2c）",
    ),
    ("How long each answer is held back", "每个应答推迟多久"),
    (
        "Share of requests to treat so, such as loss=0.1: loss, truncate, duplicate, wrong-source, gen-err, non-increasing; dead = of devices",
        "按此比例处理请求，如 loss=0.1：loss 丢弃、truncate 截断、duplicate 重复、wrong-source 错误源地址、gen-err 报错、non-increasing OID 不递增；dead 为无应答设备的比例",
    ),
    (
        "Behind each line answer the next one of the file, as a device does that does not sort what it has",
        "按文件中的顺序应答：每一行之后是文件的下一行，如同不按编号排序的设备",
    ),
    ("Bytes of an answer at most", "应答的最大字节数"),
    ("Seed of the faults", "故障的随机种子"),
    ("Scenario, TOML; see docs/simulator.md", "场景文件（TOML），见 docs/simulator.md"),
    ("Seed of the jitter, instead of the scenario's", "抖动的随机种子，代替场景中的"),
    ("So many times as fast", "加速倍数"),
    ("Keep the devices after the last step, until Ctrl-C", "最后一步之后保留设备，直到按 Ctrl-C"),
    ("Shell: bash, elvish, fish, powershell, zsh", "Shell：bash、elvish、fish、powershell、zsh"),
    ("Directory to write the pages to; it is made if it is not there", "手册页目录，不存在时自动建立"),
];

/// The Chinese of an English text.
pub fn zh(english: &str) -> Option<&'static str> {
    all().find(|(en, _)| *en == english).map(|(_, zh)| zh)
}

/// What both languages need: values are named in the words of an option, not in a block of their own.
pub fn tidy(command: Command) -> Command {
    let command = command.mut_args(|arg| if has_values(&arg) { arg.hide_possible_values(true) } else { arg });
    subcommands(command, tidy)
}

/// The command with its words in Chinese.
pub fn chinese(command: Command) -> Command {
    let about = command.get_about().map(ToString::to_string);
    let long = command.get_long_about().map(ToString::to_string);
    let mut command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .help_template(TEMPLATE)
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .mut_args(argument);
    if let Some(zh) = about.as_deref().and_then(zh) {
        command = command.about(zh);
    }
    if let Some(zh) = long.as_deref().and_then(zh) {
        command = command.long_about(zh);
    }
    let own = |id: &'static str, short, action, text| {
        Arg::new(id).short(short).long(id).action(action).help(zh(text).unwrap_or(text)).help_heading("选项")
    };
    command = command.arg(own("help", 'h', ArgAction::Help, "Print help")).arg(own(
        "version",
        'V',
        ArgAction::Version,
        "Print version",
    ));
    subcommands(command, chinese)
}

fn subcommands(mut command: Command, each: fn(Command) -> Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, each);
    }
    command
}

fn argument(arg: Arg) -> Arg {
    let english = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let takes_values = arg.get_action().takes_values();
    let mut text = zh(&english).unwrap_or(&english).to_owned();
    let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    let default = default.join(" ");
    if takes_values && !default.is_empty() {
        text.push_str(&format!(" [默认：{default}]"));
    }
    let heading = if arg.is_positional() { "参数" } else { "选项" };
    let arg = arg.help(text).help_heading(heading);
    if takes_values { arg.hide_default_value(true) } else { arg }
}

fn has_values(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_possible_values().iter().any(|v: &PossibleValue| !v.is_hide_set())
}
