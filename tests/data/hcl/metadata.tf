module "storable_chat_with_metadata" {
  source = "path/to/modules/chat_completion"
  
  model = "gpt-4o"
  store = true
  
  metadata = {
    category = "geography"
    user_id  = "user123"
  }
  
  messages = [
    # ... messages ...
  ]
}
