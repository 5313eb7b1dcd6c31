data "openai_chat_completion" "retrieved" {
  completion_id = module.storable_chat.id
}

output "retrieved_content" {
  value = data.openai_chat_completion.retrieved.choices[0].message[0].content
}
