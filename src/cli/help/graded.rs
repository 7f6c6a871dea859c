//! Help of what graded protection keeps at a console, in Chinese.

/// English, Chinese.
pub(super) const TEXTS: &[(&str, &str)] = &[
    (
        "Also write what came of it to a file that a console can import; - writes it and prints nothing else",
        "同时把结果写入文件，供管理中心导入；写 - 则只输出该结果，不输出其他内容",
    ),
    (
        "Read this asset as the agent of this machine does; or, with --user and --secret, the device at HOST or HOST:PORT",
        "按本机探针的方式采集该资产；或与 --user、--secret 同用，采集该地址（可带端口）的设备",
    ),
    (
        "Data directory of the agent, or of `fengsui up` [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/fengsui, else ~/.local/state/fengsui]",
        "探针或 `fengsui up` 的数据目录 [默认：$STATE_DIRECTORY，否则 $XDG_STATE_HOME/fengsui，否则 ~/.local/state/fengsui]",
    ),
    (
        "Hand results that `baseline check --out` wrote to a console",
        "把 `baseline check --out` 写出的结果导入管理中心",
    ),
    ("What `baseline check --out FILE` wrote (repeat for more)", "`baseline check --out FILE` 写出的文件，可多个"),
    ("Asset", "资产"),
    ("List and accept keys of devices that are read over SSH", "列出和认可经 SSH 采集的设备的主机密钥"),
    (
        "List devices that are read over SSH, the key that was accepted and the one that was seen last",
        "列出经 SSH 采集的设备、已认可的密钥和最近看到的密钥",
    ),
    (
        "Accept the key of a device, once you have compared it with the device's own",
        "与设备上显示的指纹核对后，认可其主机密钥",
    ),
    (
        "Fingerprint that you have compared, SHA256:... [default: the one that was seen last]",
        "已核对的指纹 SHA256:... [默认：最近看到的]",
    ),
    (
        "Forget the accepted key of a device: it is not logged in to until another is accepted",
        "不再认可设备的主机密钥：在认可另一个之前不会登录该设备",
    ),
    ("Write the record sheet (结果记录表): a row an item an asset", "写出结果记录表：每个资产的每个测评项一行"),
    (
        "What it is to be: docx for Word, xlsx to be filled in, csv for any program",
        "格式：docx 为 Word 文档，xlsx 可以填写，csv 供任何程序使用",
    ),
    (
        "File to write; it must not be there yet [default: record-sheet and the format's ending]",
        "要写的文件，不能已存在 [默认：record-sheet 加格式后缀]",
    ),
    ("Only this system's assets [default: all graded assets]", "只要此定级对象的资产 [默认：全部定级资产]"),
    ("Only this asset", "只要此资产"),
    ("Only this item, such as L3-CES1-02", "只要此测评项，如 L3-CES1-02"),
    (
        "Only rows with this result: pass, partial, fail, na, manual, error",
        "只要此结果的行：pass、partial、fail、na、manual、error",
    ),
    (
        "Read a record sheet that was filled in: print what it would answer; exit 1 if rows are bad",
        "读入填好的结果记录表，列出将作的人工核查；有错误的行则退出码为 1",
    ),
    ("Record sheet that was filled in: XLSX or CSV", "填好的结果记录表：XLSX 或 CSV"),
    ("Take its answers in one transaction", "在一个事务中导入其中的人工核查"),
    ("Grant, list and take back waivers (例外)", "批准、列出、撤销例外"),
    ("Grant a waiver: it stands beside the finding and never hides it", "批准一条例外：与核查结果并列，不隐藏结果"),
    ("Check, such as D17", "检查项，如 D17"),
    ("For this asset [default: for all]", "只对此资产 [默认：全部]"),
    ("For assets with this label", "对带有此标签的资产"),
    ("For assets of systems of this protection level", "对此保护等级系统的资产"),
    (
        "Only where this block decided, such as \"user-interface vty 16 20\"",
        "只对由此配置块判定的结果，如 \"user-interface vty 16 20\"",
    ),
    ("What is done instead", "补偿措施"),
    ("Number of the paper", "审批单编号"),
    (
        "When it ends, within a year: RFC 3339, or local as in \"2026-11-29 01:00\"",
        "到期时间，一年以内：RFC 3339，或本地时间如 \"2026-11-29 01:00\"",
    ),
    ("Void once the evidence has another fingerprint than this", "证据指纹与此不同时失效"),
    ("List waivers; with --all those that are over too", "列出例外；--all 包括已失效的"),
    ("Take a waiver back", "撤销一条例外"),
    ("Waiver", "例外"),
    (
        "Grant what a file of [[waiver]] tables says and is not granted yet; takes nothing back",
        "批准文件中 [[waiver]] 所列而尚未批准的例外；不撤销任何例外",
    ),
    ("File of [[waiver]] tables", "写有 [[waiver]] 表的文件"),
    ("Print the waivers that stand as [[waiver]] tables", "把有效的例外输出为 [[waiver]] 表"),
];
