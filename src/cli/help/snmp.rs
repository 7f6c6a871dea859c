//! Texts of `fengsui snmp`.

/// English, Chinese.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Host or address, with :PORT if it is not 161", "主机或地址；端口不是 161 时加 :端口"),
    ("OIDs, dotted numbers", "OID，点分数字"),
    ("Host or address, with :PORT if not 161; @ASSET: its agent asks", "主机或地址；@资产：由探针询问"),
    ("OID, dotted numbers or a name such as ifTable", "OID，点分数字，或 ifTable 之类的名称"),
    ("SNMPv2c community", "SNMPv2c 团体名"),
    ("SNMPv3 user", "SNMPv3 用户"),
    (
        "Authentication of the v3 user: md5, sha1, sha224, sha256, sha384 or sha512, and the file that holds the password",
        "v3 用户的认证算法（md5、sha1、sha224、sha256、sha384、sha512）和密码文件",
    ),
    (
        "Privacy of the v3 user: aes128, aes192 or aes256, and the file that holds the password",
        "v3 用户的加密算法（aes128、aes192、aes256）和密码文件",
    ),
    ("Ask with SNMPv1 instead of v2c", "用 SNMPv1 代替 v2c"),
    ("Context to ask in with v3, such as vlan-10 on Cisco's switches", "v3 查询所用的上下文，如思科交换机的 vlan-10"),
    ("Take an answer from whatever address, of a device with several", "接受来自任意地址的应答，用于多地址设备"),
    (
        "Read tables row by row with GETNEXT, of a device that answers GETBULK wrongly",
        "用 GETNEXT 逐行读表，用于 GETBULK 有缺陷的设备",
    ),
    ("How long one try waits", "每次尝试等待多久"),
    ("How often a request without answer is sent again", "无应答时重发次数"),
];
