# Fifteen things that have no counterpart, each named at its line.
resource "aws_instance" "web" {
  ami = "ami-1"
}

variable "style" {
  type    = string
  default = upper("dry")
}

variable "legacy" {
  type       = string
  deprecated = "use style"
}

locals {
  stamp   = timestamp()
  dice    = uuid()
  digest  = bcrypt("x")
  huge    = 99999999999999999999
  shout   = title("a b")
  picture = filebase64("cat.png")
  pattern = replace(var.style, "/a/", var.legacy)
  rows    = csvdecode("a,b")
  address = aws_instance.web.public_ip
}

module "chat" {
  source   = "./modules/chat_completion"
  messages = [{ role = "user", content = "Hi" }]
  top_k    = 5

  provisioner "local-exec" {
    command = "true"
  }

  lifecycle {
    replace_triggered_by = [var.style]
  }
}
