-- thriftkit's language server in Neovim 0.7 and later. Copy this file to ~/.config/nvim/plugin/thrift.lua.
-- Neovim 0.11 and later can use vim.lsp.config instead; docs/editors.md has both.
vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, {
  pattern = "*.thrift",
  callback = function() vim.bo.filetype = "thrift" end,
})

vim.api.nvim_create_autocmd("FileType", {
  pattern = "thrift",
  callback = function(args)
    local start = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(args.buf), ":p:h")
    local root = start
    while root ~= "/" and vim.fn.filereadable(root .. "/thriftkit.yaml") == 0 and vim.fn.isdirectory(root .. "/.git") == 0 do
      local above = vim.fn.fnamemodify(root, ":h")
      if above == root then break end
      root = above
    end
    if root == "/" then root = start end
    vim.bo[args.buf].commentstring = "// %s"
    -- One server for each root, shared by its buffers.
    thriftkit_clients = thriftkit_clients or {}
    if not thriftkit_clients[root] then
      thriftkit_clients[root] = vim.lsp.start_client({
        name = "thriftkit",
        cmd = vim.g.thriftkit_cmd or { "thriftkit", "lsp" },
        root_dir = root,
        on_exit = function() thriftkit_clients[root] = nil end,
      })
    end
    vim.lsp.buf_attach_client(args.buf, thriftkit_clients[root])
    vim.bo[args.buf].omnifunc = "v:lua.vim.lsp.omnifunc"
  end,
})
