# Setting a console up.
setup-title = 初始设置
setup-intro = 每一步都可以跳过，也可以随时回来修改；进度按已有内容计算，离开不会丢失。
setup-progress = 设置进度
setup-step = 第 { $n } 步（共 { $all } 步）：{ $name }
setup-done = 已完成
setup-go-on = 继续：{ $name }
setup-next = 下一步：{ $name }
setup-skip = 跳过，下一步：{ $name }
setup-finished = 完成，进入总览

setup-account = 创建账户
setup-account-about = 一次性链接只能用一次；创建自己的管理员账户，以后用它登录。
setup-account-name = 用户名
setup-account-name-help = 登录用；小写字母、数字、连字符
setup-account-name-wrong = 须以小写字母或数字开头，只含 a-z、0-9、点、下划线、连字符，不超过 64 个字符
setup-account-display = 姓名
setup-account-display-help = 显示在页面和审计记录中，例如：张工；不填则用用户名
setup-account-password-help = 至少 12 个字符，含大写、小写、数字、其他字符中的三类，不含用户名
setup-account-again = 再次输入密码
setup-account-differs = 两次输入的密码不一致
setup-account-make = 创建账户并继续
setup-account-there = 已有 { $n } 个账户：
setup-account-more = 管理账户
