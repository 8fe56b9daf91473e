;;; thriftkit.el --- Thrift IDL with thriftkit's language server  -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "27.1") (eglot "1.9"))

;;; Code:

(defvar thriftkit-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 124b" table)
    (modify-syntax-entry ?* ". 23" table)
    (modify-syntax-entry ?# "< b" table)
    (modify-syntax-entry ?\n "> b" table)
    (modify-syntax-entry ?' "\"" table)
    (modify-syntax-entry ?_ "_" table)
    table))

(defconst thriftkit-font-lock
  `((,(regexp-opt '("namespace" "include" "cpp_include" "const" "typedef" "enum" "struct" "union" "exception" "service"
                    "extends" "throws" "required" "optional" "oneway" "async" "cpp_type" "xsd_all" "xsd_optional"
                    "xsd_nillable" "xsd_attrs")
                  'symbols)
     . font-lock-keyword-face)
    (,(regexp-opt '("bool" "byte" "i8" "i16" "i32" "i64" "double" "string" "binary" "uuid" "map" "set" "list" "void") 'symbols)
     . font-lock-type-face)
    (,(regexp-opt '("true" "false") 'symbols) . font-lock-constant-face)
    ;; fbthrift's words are keywords in one place only.
    ("\\_<\\(package\\|hs_include\\)[ \t]*[\"';]" 1 font-lock-keyword-face)
    ("\\_<\\(interaction\\|performs\\)[ \t]+[A-Za-z_]" 1 font-lock-keyword-face)
    ("\\_<\\(stream\\|sink\\)[ \t]*<" 1 font-lock-type-face)
    ("\\_<\\(\\(?:\\(?:safe\\|permanent\\|transient\\|stateful\\|client\\|server\\)[ \t]+\\)+\\)exception\\_>" 1 font-lock-keyword-face)
    ("^[ \t]*\\(readonly\\|idempotent\\)[ \t]+[A-Za-z0-9_.]+[ \t]*[A-Za-z0-9_<]" 1 font-lock-keyword-face)
    ("@[A-Za-z_][A-Za-z0-9_.]*" . font-lock-preprocessor-face)))

;;;###autoload
(define-derived-mode thriftkit-mode prog-mode "Thrift"
  "Major mode for Thrift IDL."
  (setq-local comment-start "// ")
  (setq-local comment-end "")
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults '(thriftkit-font-lock)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.thrift\\'" . thriftkit-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(thriftkit-mode . ("thriftkit" "lsp"))))

(provide 'thriftkit)
;;; thriftkit.el ends here
