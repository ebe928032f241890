# Fetches the front-end packages named in package.json by name and version,
# checks them against package-lock.json, and copies the few files that pages
# load into static/vendor with their licences. Needs npm; nothing else does.

THEME_DIR := emberone/web/theme
THEME_BUILD ?= build/theme
THEME_PYTHON ?= .venv/bin/python

.PHONY: vendor vendor-lock

vendor: ## Copy the front-end packages named in the theme's package.json
	mkdir -p $(THEME_BUILD)
	cp $(THEME_DIR)/package.json $(THEME_DIR)/package-lock.json $(THEME_BUILD)/
	cd $(THEME_BUILD) && npm ci --ignore-scripts --no-audit --no-fund
	$(THEME_PYTHON) $(THEME_DIR)/vendor.py $(THEME_BUILD)/node_modules

vendor-lock: ## Take the versions of the theme's package.json into its lock file
	mkdir -p $(THEME_BUILD)
	cp $(THEME_DIR)/package.json $(THEME_BUILD)/
	rm -f $(THEME_BUILD)/package-lock.json
	cd $(THEME_BUILD) && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	cp $(THEME_BUILD)/package-lock.json $(THEME_DIR)/
