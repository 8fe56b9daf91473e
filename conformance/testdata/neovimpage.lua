-- Runs Neovim in a terminal of another one without a screen: opens shop.thrift, types a name, asks for documentation, and writes what the terminal shows to
-- completion.txt and hover.txt. $NVIM_INNER is the program, $NVIM_CONFIG its settings.
local function fail(text)
  io.stderr:write(text .. "\n")
  vim.cmd("cquit!")
end
vim.o.columns, vim.o.lines = 80, 19
vim.o.laststatus, vim.o.ruler, vim.o.showmode = 0, false, false
vim.cmd("enew")
local buf = vim.api.nvim_get_current_buf()
local job = vim.fn.termopen({ vim.env.NVIM_INNER, "-n", "-i", "NONE", "-u", vim.env.NVIM_CONFIG, "--cmd", "set completeopt=menuone,noinsert shortmess+=F signcolumn=yes fillchars=eob:\\ ", "shop.thrift" })
local function screen() return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\n") end
-- What is asked for comes when the server has answered, so this waits for the text however long it takes, and then until nothing changes any more.
local function wait(text, gone)
  local function there(what) return screen():find(what, 1, true) ~= nil end
  if not vim.wait(60000, function() return there(text) and not (gone and there(gone)) end, 20) then
    fail("no " .. text .. ", or still " .. (gone or "") .. ", in\n" .. screen())
  end
  local last = ""
  vim.wait(10000, function()
    local now = screen()
    local same = now == last
    last = now
    return same
  end, 300)
end
local function write(name)
  local out = io.open(name, "w")
  out:write(screen() .. "\n")
  out:close()
end
wait("unknown type Nope")
vim.fn.chansend(job, "/Nope\rcelib.")
wait("lib.")
vim.fn.chansend(job, "\24\15") -- CTRL-X CTRL-O
wait("lib.Currency", "unknown type")
write("completion.txt")
vim.fn.chansend(job, "\5\27u")
wait("unknown type Nope")
vim.fn.chansend(job, ":1\r/Money price\r:lua vim.lsp.buf.hover()\r")
wait("What something costs.")
write("hover.txt")
vim.fn.chansend(job, ":qall!\r")
vim.cmd("qall!")
