import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const GATEWAY = 'http://127.0.0.1:9090';

export default defineConfig({
  base: './',
  plugins: [react(), tailwindcss()],
  build: { target: 'es2023', sourcemap: false, chunkSizeWarningLimit: 700 },
  // `npm run dev` shows the page with hot reload against a gateway that runs with its defaults.
  server: { proxy: { '/api': { target: GATEWAY, ws: true } } },
});
