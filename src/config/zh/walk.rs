//! How raw walks ended.

/// English to Chinese.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("all variables that there are: {}", "已全部读到，共 {0} 个变量"),
    ("the first {} variables", "最前面的 {0} 个变量"),
    ("variables before the time was over: {}", "时间用完前读到 {0} 个变量"),
    ("ask for a smaller subtree", "请缩小范围再读"),
    ("ask for a smaller subtree to see the rest", "其余请缩小范围再读"),
    ("the device has nothing below {}", "设备在 {0} 之下没有内容"),
    ("{} of communities are not shown", "另有 {0} 项为团体名，不显示"),
    ("the walk broke off: {}", "读取中断：{0}"),
    ("a walk is under way on this agent; ask again when it has ended", "该探针正在进行另一次读取；请等它结束"),
    ("this agent does not read {} by SNMP", "该探针不通过 SNMP 读取 {0}"),
    ("its secret is not in the plan", "监测计划中没有它的凭据"),
];
