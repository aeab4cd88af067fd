"""What words mean before any model reads them: dates, periods, languages. Pure."""
