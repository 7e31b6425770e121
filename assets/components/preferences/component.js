// Keeps small preferences (the language) in cookies, so that they are known when the page is opened again, and tells the
// browser which language the page is in, for screen readers and hyphenation.
const YEAR_SECONDS = 365 * 24 * 3600;

export default function ({ data }) {
  for (const [name, value] of Object.entries(data?.cookies ?? {})) {
    document.cookie = `${name}=${encodeURIComponent(value)}; max-age=${YEAR_SECONDS}; path=/; SameSite=Lax`;
  }
  if (data?.language) document.documentElement.lang = data.language;
}
