module "storable_chat" {
  source = "path/to/modules/chat_completion"
  
  model = "gpt-4o"
  store = true
  
  messages = [
    {
      role    = "system"
      content = "You are a helpful assistant."
    },
    {
      role    = "user"
      content = "What's the capital of France?"
    }
  ]
}
