# 配置快照与比较
states-title = { $name }：配置快照
states-none = 没有配置快照
states-none-advice = 采集设备配置或导入配置后，每次有实质改动都会留下一份。
states-left = 左
states-right = 右
states-until = 最后见到
states-not-whole = 不完整
states-compare = 比较所选两份
states-no-text = 其中一份过长，只保存了指纹，无法比较。
states-secrets = { $n } 处口令或密钥已更换（只比较加密散列，不保存内容）：
states-counted = 增加 { $added } 行，删除 { $removed } 行；自行变化的行不计。
states-results = 其间结果的变化
states-unknown = 不明
