/** Where the reference kernel's geo files are published. */
export const GEO_URL = 'https://github.com/MetaCubeX/meta-rules-dat/releases/download/latest/';

export const DEFAULT_GEO_URLS = {
  geoip: `${GEO_URL}geoip.dat`,
  mmdb: `${GEO_URL}geoip.metadb`,
  asn: `${GEO_URL}GeoLite2-ASN.mmdb`,
  geosite: `${GEO_URL}geosite.dat`,
};
